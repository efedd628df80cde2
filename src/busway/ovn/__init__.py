"""OVN's northbound database: what it must hold for Busway's overlay networks, and the way there.

Entry points: `rows_of` (pure) says which rows networks, ports and security groups are, `changes` (pure) compares them with
those that are there, `Northbound` reads and writes them. It knows neither the store nor hosts.
"""
