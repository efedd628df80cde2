"""The network API v2.0: networks, subnets, ports and security groups, as Neutron's clients know them."""

from busway.api.network import absent, networks, ports, quotas, security_groups, subnets, tags, versions

OPERATIONS = (
    *versions.OPERATIONS,
    *networks.OPERATIONS,
    *subnets.OPERATIONS,
    *ports.OPERATIONS,
    *security_groups.OPERATIONS,
    *quotas.OPERATIONS,
    *tags.OPERATIONS,
    *absent.OPERATIONS,
)
