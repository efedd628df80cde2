"""The networks of a host: what its guests' cards may send and receive, and the bridges, DHCP and DNS that they use.

`ruleset` (pure) writes the whole of a host's packet filter from its Desired document; `networks` makes the host equal
to that document, network by network, each by its driver. Nothing here knows servers, the database or libvirt.
"""
