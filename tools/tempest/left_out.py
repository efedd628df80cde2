"""Tests of what Busway leaves out on purpose, each with its reason: they count as skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.tempest.formats import IMPORTED

NO_VOLUMES = "there are no volumes"
# What Tempest says of a skip, and the same in fewer words.
_SAME: tuple[tuple[str, str], ...] = (
    (r"Cinder is not available|[Vv]olume service|Volume-backed|microversion range\[3\.", NO_VOLUMES),
    (r"swift is not available", "there is no object store"),
    (
        r"barbican",
        "the secret of a TPM is its host's, and a server with one is not migrated live: there is no Barbican",
    ),
    (
        r"QoS (minimum bandwidth|allocation)|no physnet",
        "ports have no minimum of bandwidth or packets: there are no QoS policies",
    ),
    (r"IDE bus", "the machine of guests (q35) has no IDE bus"),
    (r"certified_image_ref", "signed data of images is refused, because nothing would verify it"),
    (r"nova-network", "Nova has removed nova-network"),
    (r"Neutron allows duplicate names", "several security groups may have one name, as for Neutron"),
    (
        r"Neutron does not check the security group ID",
        "Tempest skips it where Neutron is; an id that is none is a 400 here, which Busway's own tests try",
    ),
    (
        r"Glance does not support v2\.17|show_multiple_locations|http store",
        "locations of images are not given by users",
    ),
    (r"glance caching", "no cache stands between the stores of images and who reads them"),
    (r"^Skipped until bug", "Tempest itself skips it always, until a bug of OpenStack is resolved"),
    (r"subnet_allocation", "there are no subnet pools: a subnet names its addresses"),
    (r"Horizon support", "Busway has a web console of its own"),
)

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
        r"network\..*\.Ports\w*TestJSON\.test_(create_update_port_with_second_ip|update_port_with_\w+_and_extra_attributes)$",
        "a network has one subnet of each IP version",
    ),
    (
        r"scenario\.test_network_v6\..*\.test_\w*multi_prefix_",
        "a network has one subnet of each IP version",
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
        r"compute\..*\.(TaggedBootDevicesTest\w*|TaggedAttachmentsTest)\.|compute\..*\.test_resize_volume_backed_server_confirm$",
        NO_VOLUMES,
    ),
    (
        r"compute\..*\.(test_security_group_create_with_invalid_group_description|test_update_security_group_with_invalid_sg_(name|des)"
        r"|test_security_groups_exceed_limit)$",
        "no configuration of Tempest runs it: with Neutron it is skipped, and without Neutron all tests of security groups are. "
        "Busway checks this, and its own tests try it",
    ),
    (
        r"compute\..*\.test_security_groups_rules_exceed_limit$",
        "no configuration of Tempest runs it, as above; a new group has rules that count, as for Neutron",
    ),
    (
        r"compute\..*\.test_security_group_create_with_invalid_group_name$",
        "no configuration of Tempest runs it, as above; a name of blanks is one, as for Neutron and Nova's proxy",
    ),
    (
        r"compute\..*\.test_live_migration_serial_console$",
        "this test sends text by its own web socket, which takes bytes only: nothing reaches any console",
    ),
    (
        r"scenario\.test_unified_limits\..*\.test_image_(size|stage)_quota$",
        "an upload ends at the byte that is over its quota, and this test expects the last one to be let through",
    ),
    (
        r"image\..*\.test_compute_rejects_format_mismatch",
        "data of another format than its image says is refused when it is uploaded, before there is a server",
    ),
    (
        rf"image\..*\.test_(accept_usable_formats|compute_rejects_invalid)\(({'|'.join(IMPORTED)})\)",
        "data of this format is imported, which converts it: an upload of it is refused",
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


def in_fewer_words(why: str) -> str:
    """Return the reason of a skip as the page tells it."""
    return next((words for pattern, words in _SAME if re.search(pattern, why)), why)
