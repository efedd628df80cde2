"""The compute API v2.1 with microversions; every file holds one resource, its schemas, its fields and its table."""

from busway.api.compute import (
    aggregates,
    availability_zones,
    empty,
    extra_specs,
    flavor_access,
    flavors,
    hypervisors,
    keypairs,
    limits,
    quotas,
    server_actions,
    server_details,
    server_groups,
    servers,
    services,
    versions,
)

OPERATIONS = (
    *versions.OPERATIONS,
    *flavors.OPERATIONS,
    *extra_specs.OPERATIONS,
    *flavor_access.OPERATIONS,
    *keypairs.OPERATIONS,
    *servers.OPERATIONS,
    *server_actions.OPERATIONS,
    *server_details.OPERATIONS,
    *limits.OPERATIONS,
    *quotas.OPERATIONS,
    *server_groups.OPERATIONS,
    *aggregates.OPERATIONS,
    *hypervisors.OPERATIONS,
    *services.OPERATIONS,
    *availability_zones.OPERATIONS,
    *empty.OPERATIONS,
)
