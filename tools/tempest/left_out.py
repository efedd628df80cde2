"""Tests of what Busway leaves out on purpose, each with its reason: they count as skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A pattern of dotted names, and why.
LEFT_OUT: tuple[tuple[str, str], ...] = (
    (r"identity\..*\.test_oauth_consumers\.", "OAuth 1.0a is not served: application credentials do the same"),
    (
        r"network\..*\.PortsAdminExtendedAttrs\w+\.test_(create|update|list)_port",
        "a port is bound where its server is: binding:host_id is shown and can't be chosen",
    ),
    (r"network\..*\.TagsExtTest\.", "this test tags subnet pools too, of which Busway has none"),
    (r"network\..*\.AgentManagementNegativeTest\.", "the extension agent is not loaded, and its path is 404"),
    (
        r"network\..*(\.Ports\w*TestJSON\.test_(create_update_port_with_second_ip|update_port_with_\w+_and_extra_attributes)"
        r"|test_create_update_floatingip_with_port_multiple_ip_address)$",
        "a network has one subnet of each IP version, and a port one address of each",
    ),
    (
        r"scenario\.test_network_v6\..*\.test_\w*multi_prefix_",
        "a network has one subnet of each IP version, and a port one address of each",
    ),
    (
        r"scenario\..*\.test_boot_into_disabled_port_security_network_without_secgroup$",
        "port_security_enabled is switched off on ports; that of a network is always true, and another value is refused",
    ),
    (
        r"compute\.(floating_ips\.|.*\.test_rescued_vm_associate_dissociate_floating_ip$)",
        "the compute API gave floating addresses away at 2.36; they are the network API's",
    ),
    (
        r"network\..*\.ExtraDHCPOptionsIpV6TestJSON\.",
        "options of DHCP are IPv4's, and one whose value is no address of IPv4 is refused: dnsmasq would leave it out",
    ),
    (
        r"network\..*\.PortsIpV6TestJSON\.test_port_list_filter_by_ip_substr$",
        "an IPv6 address follows from its port's MAC and can't be chosen",
    ),
    (
        r"network\..*IpV6\w*\.test_(\w+_allocation_pools|update_subnet_gw_dns_host_routes_dhcp)$",
        "ports of IPv6 have the addresses of their MACs, so its subnets have no allocation pools",
    ),
    (
        r"network\..*\.NetworksTestDHCPv6\.",
        "IPv6 addresses follow from MACs (SLAAC): there is no DHCPv6, and no router to list",
    ),
    (r"network\..*\.NetworksIpV6TestAttrs\.test_\w+_state(ful|less)$", "IPv6 subnets are SLAAC: there is no DHCPv6"),
    (
        r"network\..*\.NetworksIpV6TestAttrs\.test_create_delete_\w+_subnet_with_ports$",
        "a subnet is not deleted while ports have its addresses",
    ),
    (
        r"network\..*\.NetworksIpV6Test\.test_create_(delete_subnet_with_gw|list_subnet_with_no_gw64_one_network)$",
        "local networks share their host's routes, so their subnets never overlap, and a gateway lies within its subnet",
    ),
    (
        r"compute\..*\.test_(shelve_unshelve_server|shelve_shelved_server)$",
        "the disk of a shelved server is kept apart from its project's images, and is in no list of them",
    ),
    (
        r"compute\..*\.(QuotasAdminTestJSON\.test_update_all_quota_resources_for_tenant|"
        r"QuotaClassesAdminTestJSON\.test_update_default_quotas)$",
        "the limits of addresses and security groups are the network API's, and the compute API refuses them",
    ),
    (
        r"compute\..*\.test_live_migration_serial_console$",
        "this test sends text by its own web socket, which takes bytes only: nothing reaches any console",
    ),
    (
        r"compute\..*\.test_inject_network_info$",
        "no agent in the guest takes injected network settings; Nova's does nothing",
    ),
    (
        r"(compute\..*\.test_get_usage_tenant_with_empty_tenant_id|image\..*\.test_get_image_null_id)$",
        "a path with a slash at its end is the path without it",
    ),
    (
        r"scenario\.test_unified_limits\..*\.test_image_(size|stage)_quota$",
        "an upload ends at the byte that is over its quota, and this test expects the last one to be let through",
    ),
    (
        r"image\..*\.test_compute_rejects_format_mismatch",
        "data of another format than its image says is refused when it is uploaded, before there is a server",
    ),
    (r"identity\..*\.test_endpoint_groups\.", "OS-EP-FILTER is not loaded: a token shows the whole catalog"),
    (
        r"identity\..*\.test_domain_configuration\.",
        "users are in Busway's own database, so domains have no identity backends to configure",
    ),
    (
        r"identity\..*\.test_user_account_lockout$",
        "no account is locked: who guesses waits longer and longer at his own address, and keeps nobody else out",
    ),
    (r"identity\..*\.test_policies\.", "the identity API's policies are blobs that no service reads: not served"),
)


def left_out(names: Iterable[str]) -> dict[str, str]:
    """Return the names that are left out, with the reason."""
    return {name: why for name in names for pattern, why in LEFT_OUT if re.search(pattern, name)}
