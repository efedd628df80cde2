"""Metrics for Prometheus: each is one line of a table (`control`, `agent`), and `Meters` counts, reads and writes them.

Entry points: `Meters`, `control.FAMILIES`, `agent.FAMILIES`. It knows no database and no host: whoever has the figures hands
them in. No other package imports prometheus_client.
"""
