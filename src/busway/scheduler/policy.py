"""The scheduler's options for operators: filters by Nova's names, and the weights of the ranks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

# A claim is impossible without these, so that no list of filters leaves them out.
ALWAYS = (
    "ComputeFilter",
    "ResourceKindFilter",
    "MachineFilter",
    "DeviceIsolationFilter",
    "OverlayFilter",
    "ResourceProviderFilter",
    "TraitFilter",
    "TenantAggregateFilter",
    "RamFilter",
    "CoreFilter",
    "DiskFilter",
    "NumInstancesFilter",
    "PciPassthroughFilter",
    "NUMATopologyFilter",
)
CHOOSABLE = (
    "AvailabilityZoneFilter",
    "AggregateMultiTenancyIsolation",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateImagePropertiesIsolation",
    "ServerGroupAffinityFilter",
    "ServerGroupAntiAffinityFilter",
    "SameHostFilter",
    "DifferentHostFilter",
)
# The filters that alone read the extra specs of a scope.
READERS = {
    "capabilities": "ComputeCapabilitiesFilter",
    "aggregate_instance_extra_specs": "AggregateInstanceExtraSpecsFilter",
}
# Filters of Nova that read metadata of aggregates which is always looked at here.
WITH_OTHERS = {
    "AggregateCoreFilter": "CoreFilter",
    "AggregateDiskFilter": "DiskFilter",
    "AggregateNumInstancesFilter": "NumInstancesFilter",
    "AggregateRamFilter": "RamFilter",
}
# Who writes an extra spec or metadata for a filter means it; but a label may have the name of an image's property by chance.
DEFAULT_FILTERS = frozenset(CHOOSABLE) - {"AggregateImagePropertiesIsolation"}
# Filters of Nova that exclude nothing here: all hosts are looked at, and a server is never sent to a second host.
WITHOUT_MEANING = (
    "AllHostsFilter",
    "RetryFilter",
    "IsolatedHostsFilter",
    "IoOpsFilter",
    "JsonFilter",
    "MetricsFilter",
    "SimpleCIDRAffinityFilter",
    "TypeAffinityFilter",
    "AggregateIoOpsFilter",
    "AggregateTypeAffinityFilter",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which choosable filters are on, and how hosts are ranked.

    Hosts with the least of `fragmentation_weight` * broken sets + `pci_weight` * devices left free win: positive
    weights stack servers with devices, negative ones spread them, 0 ignores. Then RAM: a negative `ram_weight` stacks,
    a positive one spreads, as in Nova; 0 ignores it.
    """

    filters: frozenset[str] = DEFAULT_FILTERS
    fragmentation_weight: float = 1.0
    pci_weight: float = 1.0
    ram_weight: float = -1.0


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A list of filters as read: those that are on, and what is wrong with the others, in words."""

    filters: frozenset[str]
    warnings: tuple[str, ...]


def choose_filters(names: Iterable[str]) -> FilterChoice:
    """Reads `enabled_filters`; names that mean nothing here, or nothing at all, are left aside with a warning."""
    asked = [name.strip().rpartition(".")[2] for name in names if name.strip()]
    warnings = []
    for name in dict.fromkeys(asked):
        if name in WITHOUT_MEANING:
            warnings.append(f"{name} excludes nothing here: it is ignored")
        elif name not in (*ALWAYS, *CHOOSABLE, *WITH_OTHERS):
            near = difflib.get_close_matches(name, (*ALWAYS, *CHOOSABLE), n=1)
            warnings.append(f"There is no filter {name}" + (f"; did you mean {near[0]}?" if near else ""))
    return FilterChoice(frozenset(asked) & frozenset(CHOOSABLE), tuple(warnings))
