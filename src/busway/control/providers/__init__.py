"""Placement's view of the cloud, computed from hosts, devices, claims and servers; and the few writes that it takes.

`tree` reads the providers of hosts, `read` answers what is asked of them, `consumers` tells who takes what, `write` gives
hosts traits and holds devices back. Nothing here places servers: that is `busway.control.placement`.
"""
