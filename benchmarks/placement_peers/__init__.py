"""Nova's and Placement's own code at the same task; these modules run in `.venv-peers`, each as a process of its own.

Each is called with numbers of hosts and of devices per request ("100,1000" "1,4") and writes one JSON line per pair:
{"hosts": …, "count": …, "ms": …}, the median over a few runs.
"""
