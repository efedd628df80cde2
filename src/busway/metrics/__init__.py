"""Metrics for Prometheus: each is one line of a table (`control`, `agent`), and `Meters` counts, reads and writes them.

Entry points: `Meters`, `control.FAMILIES`, `agent.FAMILIES`. It has no access to a database or a host: callers pass
the figures in. No other package imports prometheus_client.
"""
