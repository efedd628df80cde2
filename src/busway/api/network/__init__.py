"""The network API v2.0, for reading: Busway's one kind of network as its clients insist on seeing it."""

from busway.api.network import networks, ports, security_groups, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *networks.OPERATIONS,
    *ports.OPERATIONS,
    *security_groups.OPERATIONS,
)
