"""The Placement API 1.0 to 1.39: a view computed from Busway's own hosts, devices and claims, each file one resource."""

from busway.api.placement import (
    aggregates,
    allocations,
    candidates,
    inventories,
    providers,
    resource_classes,
    root,
    traits,
    usages,
)

OPERATIONS = (
    *root.OPERATIONS,
    *providers.OPERATIONS,
    *inventories.OPERATIONS,
    *usages.OPERATIONS,
    *aggregates.OPERATIONS,
    *traits.OPERATIONS,
    *resource_classes.OPERATIONS,
    *allocations.OPERATIONS,
    *candidates.OPERATIONS,
)
