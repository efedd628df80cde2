"""The compute API v2.1 with microversions; every file holds one resource, its schemas, its fields and its table."""

from busway.api.compute import (
    availability_zones,
    empty,
    extra_specs,
    flavor_access,
    flavors,
    hypervisors,
    keypairs,
    limits,
    migrations,
    server_actions,
    server_details,
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
    *hypervisors.OPERATIONS,
    *services.OPERATIONS,
    *availability_zones.OPERATIONS,
    *migrations.OPERATIONS,
    *empty.OPERATIONS,
)
