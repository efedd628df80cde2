"""Tests of what Busway leaves out on purpose, each with its reason: they count as skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A pattern of dotted names, and why.
LEFT_OUT: tuple[tuple[str, str], ...] = (
    (r"identity\..*\.test_oauth_consumers\.", "OAuth 1.0a is not served: application credentials do the same"),
    (
        r"network\..*\.test_external_network_extension\.",
        "router:external marks networks for routers, of which Busway has none",
    ),
    (
        r"network\..*\.PortsAdminExtendedAttrs\w+\.test_(create|update|list)_port",
        "a port is bound where its server is: binding:host_id is shown and can't be chosen",
    ),
    (r"network\..*\.test_port_list_filter_by_router_id$", "Busway has no routers"),
    (r"network\..*\.AgentManagementNegativeTest\.", "the extension agent is not loaded, and its path is 404"),
    (
        r"network\..*\.Ports\w*TestJSON\.test_(create_update_port_with_second_ip|update_port_with_\w+_and_extra_attributes)$",
        "a network has one subnet of each IP version, and a port one address of each",
    ),
    (
        r"network\..*\.PortsIpV6TestJSON\.test_port_list_filter_by_ip_substr$",
        "an IPv6 address follows from its port's MAC and can't be chosen",
    ),
    (
        r"network\..*IpV6\w*\.test_\w+_allocation_pools$",
        "ports of IPv6 have the addresses of their MACs, so its subnets have no allocation pools",
    ),
    (
        r"compute\..*\.test_(shelve_unshelve_server|shelve_shelved_server)$",
        "the disk of a shelved server is kept apart from its project's images, and is in no list of them",
    ),
    (
        r"compute\..*\.test_inject_network_info$",
        "no agent in the guest takes injected network settings; Nova's does nothing",
    ),
    (
        r"compute\..*\.test_get_usage_tenant_with_empty_tenant_id$",
        "a path with a slash at its end is the path without it",
    ),
    (r"identity\..*\.test_policies\.", "the identity API's policies are blobs that no service reads: not served"),
)


def left_out(names: Iterable[str]) -> dict[str, str]:
    """Return the names that are left out, with the reason."""
    return {name: why for name in names for pattern, why in LEFT_OUT if re.search(pattern, name)}
