"""The network API v2.0: networks, subnets, ports, routers, floating IP addresses, trunks and security groups, as Neutron's clients know them."""

from busway.api.network import (
    absent,
    availabilities,
    floating_ips,
    networks,
    ports,
    quotas,
    routers,
    security_groups,
    subnets,
    tags,
    topologies,
    trunks,
    versions,
)

OPERATIONS = (
    *versions.OPERATIONS,
    *networks.OPERATIONS,
    *subnets.OPERATIONS,
    *ports.OPERATIONS,
    *routers.OPERATIONS,
    *floating_ips.OPERATIONS,
    *trunks.OPERATIONS,
    *security_groups.OPERATIONS,
    *topologies.OPERATIONS,
    *availabilities.OPERATIONS,
    *quotas.OPERATIONS,
    *tags.OPERATIONS,
    *absent.OPERATIONS,
)
