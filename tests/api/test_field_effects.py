"""What a field that is kept and shown is for: it has an effect, which a test shows, or it is a label that nothing follows from.

`test_fields.py` sees that a field changes a row or an answer; this table says what follows from that.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from busway.api import openapi
from busway.api.operation import Operation
from busway.control.placement.place import place_round
from tests.api.change_effects import CHANGES, DEFINITIONS, LABEL, REFUSED_CHANGE
from tests.api.field_walk import ANY, ITEM, UNKNOWN, fields_of
from tests.api.serving import ApiServer
from tests.api.test_servers import create

# The operations that make what users and operators keep, and the key of its body.
MADE = {
    "user": "/identity/v3/users",
    "project": "/identity/v3/projects",
    "domain": "/identity/v3/domains",
    "group": "/identity/v3/groups",
    "role": "/identity/v3/roles",
    "region": "/identity/v3/regions",
    "service": "/identity/v3/services",
    "endpoint": "/identity/v3/endpoints",
    "application_credential": "/identity/v3/users/{user}/application_credentials",
    "trust": "/identity/v3/OS-TRUST/trusts",
    "": "/image/v2/images",
    "network": "/network/v2.0/networks",
    "subnet": "/network/v2.0/subnets",
    "port": "/network/v2.0/ports",
    "router": "/network/v2.0/routers",
    "floatingip": "/network/v2.0/floatingips",
    "trunk": "/network/v2.0/trunks",
    "security_group": "/network/v2.0/security-groups",
    "security_group_rule": "/network/v2.0/security-group-rules",
    "flavor": "/compute/v2.1/flavors",
    "keypair": "/compute/v2.1/os-keypairs",
    "aggregate": "/compute/v2.1/os-aggregates",
    "server_group": "/compute/v2.1/os-server-groups",
    "server": "/compute/v2.1/servers",
}
# Of everything: what people call it, and who has it.
LABELS = {"name", "description", "id", "project_id", "tenant_id", "tags"}
# Of one kind: kept and shown, as in OpenStack with libvirt, and nothing follows.
LABELS_OF = {
    "user.email": "for tools that write to people",
    "service.type": "clients find a service by it in the catalogue",
    "region.parent_region_id": "lists of regions are filtered by it",
    ".container_format": "bare alone is taken",
    ".*": "properties of one's own; those that guests are made of are in docs/reference/machine.md",
    "flavor.rxtx_factor": "Nova's drivers but one, which is gone, do nothing with it",
    "server.OS-DCF:diskConfig": "cloud-init makes partitions larger whatever it says",
    "server.accessIPv4": "tools show it as the address to use",
    "server.accessIPv6": "tools show it as the address to use",
}
# Always one value: another one is refused, and test_fields.py sees that.
REFUSED = {
    "network.dns_domain", "network.availability_zone_hints",
    "subnet.subnetpool_id", "port.device_id", "port.device_owner", "port.dns_name", "port.binding:profile", "port.binding:host_id",
    "security_group.stateful", "security_group_rule.remote_address_group_id", "server.block_device_mapping", "server.trusted_image_certificates",
    "server.block_device_mapping_v2", "subnet.ip_version",
}  # fmt: skip
EFFECTS = {
    "user.password": "api/test_log_in.py::test_a_user_changes_their_own_password_and_their_tokens_end",
    "user.enabled": "api/test_identity.py::test_a_disabled_user_loses_their_tokens",
    "user.default_project_id": "here::test_a_token_without_a_scope_is_for_the_default_project",
    "user.domain_id": "api/test_domains.py::test_a_user_of_a_domain_logs_in_by_name_there_and_nowhere_else",
    "user.options.lock_password": "api/test_log_in.py::test_a_locked_password_is_changed_by_an_admin_only",
    "user.options.ignore_password_expiry": "api/test_password_rules.py::test_an_expired_password_opens_nothing_but_its_own_change",
    "user.options.multi_factor_auth_enabled": "api/test_multi_factor.py::test_rules_hold_while_they_are_enabled",
    "user.options.multi_factor_auth_rules": "api/test_multi_factor.py::test_all_methods_of_one_rule_are_needed",
    "project.enabled": "api/test_log_in.py::test_disabling_a_project_ends_its_tokens_and_their_descendants_for_good",
    "project.domain_id": "api/test_domains.py::test_a_thing_is_found_by_its_id_in_its_own_domain_only",
    "project.parent_id": "api/test_projects.py::test_what_is_below_a_disabled_project_is_disabled",
    "project.is_domain": "api/test_domains.py::test_a_domain_is_a_project_that_is_a_domain",
    "project.options.immutable": "api/test_domains.py::test_what_is_immutable_stays_until_that_is_taken_away",
    "domain.enabled": "api/test_domains.py::test_a_disabled_domain_lets_nobody_in_and_ends_their_tokens_for_good",
    "domain.options.immutable": "api/test_domains.py::test_what_is_immutable_stays_until_that_is_taken_away",
    "domain.explicit_domain_id": "here::test_a_domain_has_the_id_that_is_asked_for",
    "group.domain_id": "api/test_domains.py::test_a_thing_is_found_by_its_id_in_its_own_domain_only",
    "role.domain_id": "api/test_assignments.py::test_a_role_of_a_domain_is_given_there_only_and_opens_only_what_it_implies",
    "role.options.immutable": "api/test_assignments.py::test_roles_are_changed_and_built_in_ones_are_not",
    "service.enabled": "here::test_what_is_disabled_is_not_in_the_catalogue",
    "endpoint.enabled": "here::test_what_is_disabled_is_not_in_the_catalogue",
    "endpoint.service_id": "api/test_service_catalog.py::test_what_an_operator_enters_and_changes_is_in_the_next_token",
    "endpoint.interface": "api/test_service_catalog.py::test_what_an_operator_enters_and_changes_is_in_the_next_token",
    "endpoint.url": "api/test_service_catalog.py::test_what_an_operator_enters_and_changes_is_in_the_next_token",
    "endpoint.region_id": "api/test_service_catalog.py::test_what_an_operator_enters_and_changes_is_in_the_next_token",
    "endpoint.region": "api/test_service_catalog.py::test_a_region_of_the_old_name_is_made_with_its_endpoint",
    "application_credential.secret": "api/test_application_credentials.py::test_a_program_gets_some_of_its_users_roles_in_one_project",
    "application_credential.roles": "api/test_application_credentials.py::test_a_program_gets_some_of_its_users_roles_in_one_project",
    "application_credential.expires_at": "api/test_application_credentials.py::test_an_expired_one_opens_nothing_and_its_tokens_end_with_it",
    "application_credential.unrestricted": "api/test_application_credentials.py::test_a_restricted_one_makes_no_other_and_no_token_of_another_project",
    "application_credential.access_rules": "api/test_application_credentials.py::test_access_rules_permit_what_they_name_and_nothing_else",
    "trust.trustor_user_id": "api/test_trusts.py::test_a_trustee_acts_with_the_roles_of_the_trust_and_no_others",
    "trust.trustee_user_id": "api/test_trusts.py::test_a_trustee_acts_with_the_roles_of_the_trust_and_no_others",
    "trust.roles": "api/test_trusts.py::test_a_trustee_acts_with_the_roles_of_the_trust_and_no_others",
    "trust.impersonation": "api/test_trusts.py::test_with_impersonation_the_token_is_the_trustors_and_the_audit_names_the_trust",
    "trust.expires_at": "api/test_trusts.py::test_it_is_used_as_often_as_was_said_and_no_longer_than_was_said",
    "trust.remaining_uses": "api/test_trusts.py::test_it_is_used_as_often_as_was_said_and_no_longer_than_was_said",
    "trust.allow_redelegation": "api/test_trusts.py::test_it_is_not_handed_on_unless_that_was_allowed",
    "trust.redelegation_count": "api/test_trusts.py::test_it_is_handed_on_within_its_bounds_and_ends_with_the_first_one",
    ".disk_format": "api/test_images.py::test_data_of_another_format_is_refused_with_a_remedy",
    ".visibility": "api/test_images.py::test_the_private_image_of_another_project_does_not_exist",
    ".protected": "api/test_images.py::test_a_protected_image_is_not_deleted",
    ".os_hidden": "here::test_a_hidden_image_is_listed_only_when_asked_for",
    ".min_disk": "here::test_an_image_needs_a_flavor_of_its_size",
    ".min_ram": "here::test_an_image_needs_a_flavor_of_its_size",
    ".owner": "api/test_image_members.py::test_only_an_admin_gives_an_image_to_another_project",
    "network.shared": "api/test_ports.py::test_on_a_shared_network_only_its_owner_widens_what_a_port_may_send",
    "network.router:external": "api/test_routers.py::test_an_external_network_that_is_full_or_has_no_subnet_gives_nothing",
    "network.is_default": "api/test_topologies.py::test_a_project_gets_a_network_with_a_router_once",
    "network.admin_state_up": "api/test_network_flags.py::test_while_a_network_is_off_its_ports_carry_nothing_and_then_they_are_as_they_were",
    "network.port_security_enabled": "api/test_network_flags.py::test_new_ports_have_the_port_security_of_their_network_and_others_keep_theirs",
    "network.mtu": "control/test_overlay.py::test_a_host_is_told_the_card_and_leaves_its_traffic_to_ovn",
    "network.provider:network_type": "api/test_networks.py::test_a_network_across_hosts_needs_ovn_and_no_admin",
    "network.provider:physical_network": "api/test_networks.py::test_only_admins_make_shared_networks_and_those_on_a_physical_one",
    "network.provider:segmentation_id": "api/test_networks.py::test_only_admins_make_shared_networks_and_those_on_a_physical_one",
    "subnet.network_id": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "subnet.cidr": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "subnet.enable_dhcp": "here::test_hosts_are_told_what_a_subnet_says",
    "subnet.dns_nameservers": "here::test_hosts_are_told_what_a_subnet_says",
    "subnet.host_routes": "control/test_guest_documents.py::test_a_guest_is_told_of_the_routes_of_each_of_its_subnets",
    "subnet.gateway_ip": "here::test_hosts_are_told_what_a_subnet_says",
    "subnet.allocation_pools": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "subnet.ipv6_ra_mode": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "subnet.ipv6_address_mode": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "port.network_id": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "port.admin_state_up": "api/test_ports.py::test_a_port_is_switched_off_and_on",
    "port.port_security_enabled": "api/test_ports.py::test_on_a_shared_network_only_its_owner_widens_what_a_port_may_send",
    "port.security_groups": "control/test_networks.py::test_a_change_of_rules_is_a_new_generation_of_the_hosts_that_it_concerns",
    "port.allowed_address_pairs": "api/test_ports.py::test_on_a_shared_network_only_its_owner_widens_what_a_port_may_send",
    "port.fixed_ips": "api/test_ports.py::test_addresses_of_a_port_are_of_its_own_network",
    "port.mac_address": "api/test_networks.py::test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it",
    "port.extra_dhcp_opts": "api/test_ports.py::test_a_port_has_dhcp_options_of_its_own_which_change_one_by_one",
    "port.binding:vnic_type": "api/test_ports.py::test_a_direct_port_has_no_security_and_tells_admins_its_function_once_it_is_bound",
    "port.numa_affinity_policy": "control/test_sriov_ports.py::test_the_policy_of_a_port_goes_before_that_of_its_flavor",
    "router.admin_state_up": "ovn/test_routing.py::test_a_router_is_up_in_ovn_as_it_is_here",
    "router.external_gateway_info.network_id": "api/test_routers.py::test_a_router_has_a_port_on_each_subnet_and_on_the_external_network",
    "router.external_gateway_info.enable_snat": "api/test_routers.py::test_another_address_of_a_gateway_leaves_translation_as_it_is",
    "router.external_gateway_info.external_fixed_ips": "api/test_routers.py::test_a_router_has_a_port_on_each_subnet_and_on_the_external_network",
    "trunk.admin_state_up": "api/test_trunks.py::test_a_trunk_that_is_switched_off_keeps_what_it_has",
    "trunk.port_id": "api/test_trunks.py::test_status_and_binding_are_those_of_the_parent_and_its_server",
    "trunk.sub_ports": "networking/test_inside.py::test_a_card_carries_a_port_of_another_network_with_a_vlan_id_and_nobody_elses",
    "floatingip.port_id": "api/test_routers.py::test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses",
    "floatingip.fixed_ip_address": "api/test_routers.py::test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses",
    "floatingip.floating_network_id": "api/test_routers.py::test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses",
    "floatingip.subnet_id": "api/test_routers.py::test_a_floating_address_is_refused_where_no_router_leads",
    "floatingip.floating_ip_address": "api/test_routers.py::test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses",
    "security_group_rule.security_group_id": "control/test_networks.py::test_a_change_of_rules_is_a_new_generation_of_the_hosts_that_it_concerns",
    "security_group_rule.direction": "domain/test_security_group.py::test_hosts_get_the_number_of_the_protocol_and_the_network_of_the_prefix",
    "security_group_rule.ethertype": "domain/test_security_group.py::test_a_remote_prefix_has_its_length_and_is_of_the_rules_version",
    "security_group_rule.protocol": "domain/test_security_group.py::test_hosts_get_the_number_of_the_protocol_and_the_network_of_the_prefix",
    "security_group_rule.port_range_min": "networking/test_packets.py::test_nothing_comes_in_but_what_a_rule_lets_through",
    "security_group_rule.port_range_max": "networking/test_packets.py::test_nothing_comes_in_but_what_a_rule_lets_through",
    "security_group_rule.remote_ip_prefix": "domain/test_security_group.py::test_hosts_get_the_number_of_the_protocol_and_the_network_of_the_prefix",
    "security_group_rule.remote_group_id": "api/test_networks.py::test_every_project_has_a_default_security_group",
    "flavor.ram": "api/test_clients.py::test_flavors_are_created_and_given_devices",
    "flavor.vcpus": "api/test_clients.py::test_flavors_are_created_and_given_devices",
    "flavor.disk": "agent/test_disks.py::test_an_image_larger_than_the_disk_is_refused",
    "flavor.OS-FLV-EXT-DATA:ephemeral": "agent/test_extra_disks.py::test_disks_are_made_and_stay_through_stop_start_and_reboot",
    "flavor.swap": "agent/test_extra_disks.py::test_a_swap_disk_is_a_swap_area",
    "flavor.os-flavor-access:is_public": "api/test_flavors.py::test_a_private_flavor_is_seen_by_those_with_access",
    "keypair.public_key": "api/test_keypairs.py::test_an_imported_key_is_listed_shown_and_deleted",
    "keypair.type": "api/test_keypairs.py::test_at_2_1_there_is_no_type_and_the_old_statuses",
    "keypair.user_id": "api/test_keypairs.py::test_an_admin_reads_the_keys_of_others_from_2_10",
    "aggregate.availability_zone": "control/test_aggregates.py::test_a_zone_is_asked_for_by_its_name",
    "server_group.policy": "control/test_groups.py::test_only_anti_affinity_has_a_number_per_host",
    "server_group.policies": "api/test_server_groups.py::test_a_group_is_made_shown_and_deleted",
    "server_group.rules.max_server_per_host": "control/test_groups.py::test_only_anti_affinity_has_a_number_per_host",
    "server.imageRef": "api/test_servers.py::test_a_server_as_the_stock_client_asks_for_it_becomes_active",
    "server.flavorRef": "api/test_servers.py::test_a_server_as_the_stock_client_asks_for_it_becomes_active",
    "server.adminPass": "here::test_a_guest_is_told_what_its_request_says",
    "server.metadata": "here::test_a_guest_is_told_what_its_request_says",
    "server.user_data": "here::test_a_guest_is_told_what_its_request_says",
    "server.hostname": "here::test_a_guest_is_told_what_its_request_says",
    "server.key_name": "here::test_a_guest_is_told_what_its_request_says",
    "server.networks": "api/test_ports.py::test_a_server_takes_a_port_that_was_made_for_it_and_gives_it_back",
    "server.personality": "api/test_personality.py::test_the_files_of_a_request_are_on_the_config_drive",
    "server.availability_zone": "control/test_aggregates.py::test_a_zone_is_asked_for_by_its_name",
    "server.config_drive": "api/test_personality.py::test_a_server_without_a_config_drive_has_none_and_takes_no_files",
    "server.min_count": "api/test_servers.py::test_several_servers_are_numbered_as_nova_numbers_them",
    "server.max_count": "api/test_servers.py::test_several_servers_are_numbered_as_nova_numbers_them",
    "server.return_reservation_id": "api/test_servers.py::test_servers_of_one_request_have_one_reservation",
    "server.security_groups": "api/test_server_acts.py::test_a_server_joins_and_leaves_security_groups",
    "server.host": "api/test_server_commands.py::test_what_is_asked_for_reaches_the_server",
    "server.hypervisor_hostname": "here::test_a_server_goes_to_the_hypervisor_that_is_named",
}  # fmt: skip


def _operations() -> dict[str, Operation]:
    every = {each.path: each for table in openapi.SERVICES.values() for each in table if each.method == "POST"}
    return {kind: every[path] for kind, path in MADE.items()}


def _fields() -> list[str]:
    """The fields of what is made, as kind.field; what stands within one is of the same use."""
    found: list[str] = []
    for kind, operation in _operations().items():
        for field in fields_of(operation):
            path = field.path[1:] if kind and field.path[0] == kind else field.path if not kind else ()
            if not path or UNKNOWN in path or ITEM in path or (ANY in path and path != (ANY,)):
                continue
            found.append(f"{kind}.{'.'.join(path)}")
    return found


@cache
def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return name in _tests_of(Path(__file__) if file == "here" else Path(__file__).parents[1] / file)


def test_every_field_is_a_label_or_has_an_effect() -> None:
    fields = {each for each in _fields() if each.partition(".")[2] not in LABELS}
    parents = {each for each in fields if any(other.startswith(f"{each}.") for other in fields)}
    known = EFFECTS.keys() | LABELS_OF.keys() | REFUSED

    assert sorted(fields - parents - known) == []
    assert sorted(known - fields - parents) == []


def _changes() -> dict[str, set[str]]:
    """The fields of each change and action, by its method and path, without what they all stand in; without labels."""
    found: dict[str, set[str]] = {}
    for each in (each for table in openapi.SERVICES.values() for each in table):
        paths = {field.path for field in fields_of(each) if UNKNOWN not in field.path}
        if not paths or (each.method == "POST" and each.path in MADE.values()):
            continue
        while len(firsts := {path[0] for path in paths}) == 1 and (len(paths) > 1 or firsts == {ITEM}):
            paths = {path[1:] for path in paths if path[1:]}
        leaves = {path for path in paths if not any(path == other[: len(path)] and path != other for other in paths)}
        named = {".".join(path) for path in leaves}
        if each.path.startswith(DEFINITIONS):
            named &= {"visibility", "protected", "owner"}
        found[f"{each.method} {each.path}"] = named
    return found


def _is_label(name: str, explained: Mapping[str, str]) -> bool:
    return name not in explained and (name == "tags" or name.rpartition(".")[2] in ("name", "description"))


def test_every_field_of_a_change_has_an_effect_or_is_a_label_or_refused() -> None:
    unexplained = {
        (change, name)
        for change, fields in _changes().items()
        for name in fields - CHANGES.get(change, {}).keys()
        if not _is_label(name, CHANGES.get(change, {}))
    }
    gone = {
        (change, name)
        for change, explained in CHANGES.items()
        for name in explained.keys() - _changes().get(change, set())
    }

    assert sorted(unexplained) == []
    assert sorted(gone) == []


def test_every_effect_has_its_test() -> None:
    changes = {each for explained in CHANGES.values() for each in explained.values()} - {LABEL, REFUSED_CHANGE}

    assert {test for test in {*EFFECTS.values(), *changes} if not _exists(test)} == set()


def test_a_token_without_a_scope_is_for_the_default_project(api_server: ApiServer) -> None:
    admin, token = api_server.client(), api_server.user("ann")
    shown = admin.get("/identity/v3/auth/tokens", headers={"X-Subject-Token": token}).json()["token"]
    user, project = shown["user"]["id"], shown["project"]["id"]

    def of_token() -> object:
        made = api_server.authenticate("ann", "pw", None)
        return made.json()["token"].get("project", {}).get("id")

    assert of_token() is None
    changed = admin.patch(f"/identity/v3/users/{user}", json={"user": {"default_project_id": project}})
    assert (changed.status_code, of_token()) == (200, project)


def test_a_domain_has_the_id_that_is_asked_for(api_server: ApiServer) -> None:
    admin = api_server.client()
    wanted = {"name": "far", "explicit_domain_id": "a" * 32}

    assert admin.post("/identity/v3/domains", json={"domain": wanted}).json()["domain"]["id"] == "a" * 32
    again = admin.post("/identity/v3/domains", json={"domain": {**wanted, "name": "other"}})
    assert (again.status_code, again.headers["x-busway-error-code"]) == (400, "domain-id")


def test_what_is_disabled_is_not_in_the_catalogue(api_server: ApiServer) -> None:
    admin = api_server.client()
    service = admin.post("/identity/v3/services", json={"service": {"type": "t", "name": "n"}}).json()["service"]["id"]
    wanted = {"service_id": service, "interface": "public", "url": "http://t.example/"}
    endpoint = admin.post("/identity/v3/endpoints", json={"endpoint": wanted}).json()["endpoint"]["id"]

    def urls() -> list[str]:
        found = admin.get("/identity/v3/auth/catalog").json()["catalog"]
        return [each["url"] for entry in found if entry["type"] == "t" for each in entry["endpoints"]]

    assert urls() == ["http://t.example/"]
    for path, kind in ((f"endpoints/{endpoint}", "endpoint"), (f"services/{service}", "service")):
        for enabled, shown in ((False, []), (True, ["http://t.example/"])):
            admin.patch(f"/identity/v3/{path}", json={kind: {"enabled": enabled}}).raise_for_status()
            assert (kind, urls()) == (kind, shown)


def test_a_hidden_image_is_listed_only_when_asked_for(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image("hidden", os_hidden=True)

    def listed(**query: str) -> list[str]:
        return [each["id"] for each in admin.get("/image/v2/images", params=query).json()["images"]]

    assert (listed(), listed(os_hidden="true")) == ([], [image])
    assert create(admin, image).status_code == 202


def test_an_image_needs_a_flavor_of_its_size(api_server: ApiServer) -> None:
    admin = api_server.client()

    for field in ("min_ram", "min_disk"):
        answer = create(admin, api_server.image(field, **{field: 100_000}))
        assert (answer.status_code, answer.headers.get("x-busway-error-code")) == (400, "flavor-too-small")


def test_hosts_are_told_what_a_subnet_says(api_server: ApiServer) -> None:
    host, admin = api_server.host(), api_server.client()
    network = admin.post("/network/v2.0/networks", json={"network": {"name": "n"}}).json()["network"]["id"]
    wanted = {"network_id": network, "cidr": "10.67.1.0/24", "gateway_ip": "10.67.1.77", "dns_nameservers": ["9.9.9.9"]}
    subnet = admin.post("/network/v2.0/subnets", json={"subnet": wanted}).json()["subnet"]["id"]
    create(admin, api_server.image(), networks=[{"uuid": network}]).raise_for_status()
    place_round(api_server.control)

    [told] = host.desired().networks
    assert (told.dhcp, told.gateway, told.dns) == (True, "10.67.1.77", ("9.9.9.9",))
    changed = admin.put(f"/network/v2.0/subnets/{subnet}", json={"subnet": {"enable_dhcp": False}})
    assert (changed.status_code, host.desired().networks[0].dhcp) == (200, False)


def test_a_guest_is_told_what_its_request_says(api_server: ApiServer) -> None:
    host, admin = api_server.host(), api_server.client(version="2.90")
    key = admin.post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "k"}}).json()["keypair"]["public_key"]
    asked = {
        "adminPass": "a word",
        "metadata": {"colour": "red"},
        "user_data": "I2Nsb3VkLWNvbmZpZw==",
        "hostname": "elsewhere",
        "key_name": "k",
        "networks": "none",
    }
    create(admin, api_server.image(), **asked).raise_for_status()
    place_round(api_server.control)

    [server] = host.desired().servers
    told = json.loads(server.config_drive.meta_data)
    assert (told["admin_pass"], told["meta"], told["hostname"]) == ("a word", {"colour": "red"}, "elsewhere")
    assert told["public_keys"] == {"k": key}
    assert server.config_drive.user_data == asked["user_data"]


def test_a_server_goes_to_the_hypervisor_that_is_named(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.90")
    api_server.host("host1")
    api_server.host("host2")
    image = api_server.image()

    for name in ("host2", "host1", "host2"):
        made = create(admin, image, hypervisor_hostname=name, networks="none").json()["server"]["id"]
        place_round(api_server.control)
        assert admin.get(f"/compute/v2.1/servers/{made}").json()["server"]["OS-EXT-SRV-ATTR:host"] == name
