"""What follows from each field of a change and of an action: a test shows it, another value is refused, or it is a label."""

from __future__ import annotations

LABEL = "label"  # kept and shown, and nothing follows: what people call a thing, and what is a label when it is made
REFUSED_CHANGE = REFUSED = "refused"  # every value but one, or but what is there already

_LOG_IN = "api/test_log_in.py::"
_DOMAINS = "api/test_domains.py::"
_APPLICATION = "api/test_application_credentials.py::"
_CREDENTIALS = "api/test_credentials.py::"
_SIGNED = "api/test_signed_requests.py::"
_LIMITS = "api/test_unified_limits.py::"
_ACTS = "api/test_server_acts.py::"
_QUOTAS = "api/test_quotas.py::"
_NETWORKS = "api/test_networks.py::"
_ROUTERS = "api/test_routers.py::"
_FLAGS = "api/test_network_flags.py::"
_TRUNKS = "api/test_trunks.py::"
_HERE = "api/test_change_effects.py::"
_IMMUTABLE = f"{_DOMAINS}test_what_is_immutable_stays_until_that_is_taken_away"
_CATALOG = "api/test_service_catalog.py::test_what_an_operator_enters_and_changes_is_in_the_next_token"
_DISABLED = "api/test_field_effects.py::test_what_is_disabled_is_not_in_the_catalogue"
_SIGNATURE = f"{_SIGNED}test_a_signed_request_is_a_token_of_its_users_project"
_PROGRAM = f"{_APPLICATION}test_a_program_gets_some_of_its_users_roles_in_one_project"
_FILES = f"{_QUOTAS}test_limits_of_files_in_requests_are_nova_s_up_to_2_56"
_OF_NETWORKS = f"{_QUOTAS}test_up_to_2_35_limits_of_networks_are_those_of_the_network_api"
_COUNTED = "control/test_quotas.py::test_groups_members_keys_and_metadata_have_limits_too"
_HELD = f"{_QUOTAS}test_a_quota_is_set_held_shown_and_taken_away"
_RESERVED = "api/test_placement.py::test_a_device_is_held_back_by_reserving_it_and_let_go"
_NEUTRONS = f"{_NETWORKS}test_quotas_of_networks_are_neutrons_until_an_admin_sets_others"
_COMPUTE_LIMITS = {
    "instances": _HELD,
    "cores": _HELD,
    "ram": f"{_HERE}test_a_quota_of_ram_is_held",
    **dict.fromkeys(("key_pairs", "metadata_items", "server_groups", "server_group_members"), _COUNTED),
    **dict.fromkeys(("injected_files", "injected_file_content_bytes", "injected_file_path_bytes"), _FILES),
    **dict.fromkeys(("fixed_ips", "floating_ips", "security_groups", "security_group_rules"), _OF_NETWORKS),
}

# By operation; the fields are those of the thing in the body, as in `name` of `{"server": {"name": …}}`.
CHANGES: dict[str, dict[str, str]] = {
    "POST /identity/v3/auth/tokens": {
        "identity.methods": f"{_LOG_IN}test_each_named_method_must_hold",
        **{
            f"identity.password.user.{name}": "api/test_identity.py::test_a_password_gives_a_token_with_project_roles_and_catalog"
            for name in ("name", "domain.id", "password")
        },
        "identity.password.user.id": f"{_DOMAINS}test_a_thing_is_found_by_its_id_in_its_own_domain_only",
        "identity.password.user.domain.name": f"{_DOMAINS}test_a_user_of_a_domain_logs_in_by_name_there_and_nowhere_else",
        **{
            f"identity.totp.user.{name}": "api/test_multi_factor.py::test_who_gives_a_passcode_is_named_in_each_way"
            for name in ("id", "name", "domain.id", "domain.name", "passcode")
        },
        "identity.token.id": "api/test_identity.py::test_an_unscoped_token_becomes_a_scoped_one",
        **{f"identity.application_credential.{name}": _PROGRAM for name in ("id", "secret")},
        **{
            f"identity.application_credential.{name}": f"{_HERE}test_a_program_logs_in_with_its_name_and_its_user"
            for name in ("name", "user.id", "user.name", "user.domain.id", "user.domain.name")
        },
        **{
            f"scope.{name}": f"{_HERE}test_a_token_is_for_the_scope_that_is_named"
            for name in ("project.id", "project.name", "project.domain.id", "project.domain.name", "unscoped")
        },
        **{
            f"scope.domain.{name}": f"{_DOMAINS}test_a_token_for_a_domain_opens_what_is_in_it_and_no_servers"
            for name in ("id", "name")
        },
        "scope.system.all": f"{_LOG_IN}test_a_role_on_the_system_gives_a_token_that_sees_and_changes_nothing",
        "scope.OS-TRUST:trust.id": "api/test_trusts.py::test_a_trustee_acts_with_the_roles_of_the_trust_and_no_others",
    },
    "PATCH /identity/v3/regions/{id}": {"parent_region_id": LABEL},
    "PUT /identity/v3/regions/{id}": {"id": REFUSED, "parent_region_id": LABEL},
    "PATCH /identity/v3/services/{id}": {"type": LABEL, "enabled": _DISABLED},
    "PATCH /identity/v3/endpoints/{id}": {
        "url": _CATALOG,
        **dict.fromkeys(
            ("service_id", "interface", "region_id", "region"),
            f"{_HERE}test_an_endpoint_is_in_the_catalogue_as_it_was_changed",
        ),
        "enabled": _DISABLED,
    },
    "PATCH /identity/v3/domains/{id}": {
        "enabled": f"{_DOMAINS}test_a_disabled_domain_lets_nobody_in_and_ends_their_tokens_for_good",
        "options.immutable": _IMMUTABLE,
    },
    "PATCH /identity/v3/projects/{id}": {
        "enabled": f"{_LOG_IN}test_disabling_a_project_ends_its_tokens_and_their_descendants_for_good",
        "options.immutable": _IMMUTABLE,
        **dict.fromkeys(("domain_id", "parent_id", "is_domain"), REFUSED),
    },
    "PUT /identity/v3/projects/{id}/tags": {},
    "PATCH /identity/v3/users/{id}": {
        "password": f"{_LOG_IN}test_a_locked_password_is_changed_by_an_admin_only",
        "email": LABEL,
        "enabled": "api/test_identity.py::test_a_disabled_user_loses_their_tokens",
        "default_project_id": "api/test_field_effects.py::test_a_token_without_a_scope_is_for_the_default_project",
        "domain_id": REFUSED,
        "options.lock_password": f"{_LOG_IN}test_a_locked_password_is_changed_by_an_admin_only",
        "options.ignore_password_expiry": "api/test_password_rules.py::test_an_expired_password_opens_nothing_but_its_own_change",
        "options.multi_factor_auth_enabled": "api/test_multi_factor.py::test_rules_hold_while_they_are_enabled",
        "options.multi_factor_auth_rules": "api/test_multi_factor.py::test_all_methods_of_one_rule_are_needed",
    },
    "POST /identity/v3/users/{id}/password": dict.fromkeys(
        ("password", "original_password"), f"{_LOG_IN}test_a_user_changes_their_own_password_and_their_tokens_end"
    ),
    "PATCH /identity/v3/groups/{id}": {"domain_id": REFUSED},
    "POST /identity/v3/credentials": {
        **dict.fromkeys(
            ("blob", "type"),
            f"{_CREDENTIALS}test_a_credential_of_type_ec2_is_found_by_its_access_key_also_after_a_change",
        ),
        "user_id": f"{_CREDENTIALS}test_others_and_readers_of_the_system_are_told_no_secret",
        "project_id": f"{_CREDENTIALS}test_a_credential_of_type_ec2_is_found_by_its_access_key_also_after_a_change",
    },
    "PATCH /identity/v3/credentials/{id}": {
        "blob": f"{_CREDENTIALS}test_a_credential_of_type_ec2_is_found_by_its_access_key_also_after_a_change",
        **dict.fromkeys(("id", "type", "user_id", "project_id"), REFUSED),
    },
    "POST /identity/v3/users/{user}/credentials/OS-EC2": {
        "tenant_id": f"{_CREDENTIALS}test_an_access_key_is_for_a_project_in_which_its_user_has_a_role"
    },
    "POST /identity/v3/ec2tokens": {
        **{
            f"{kind}.{name}": test
            for kind, test in (
                ("credentials", _SIGNATURE),
                ("ec2Credentials", f"{_SIGNED}test_the_older_name_of_a_signed_request_is_read_too"),
            )
            for name in ("access", "signature", "host", "verb", "path", "body_hash", "params.*", "headers.*")
        },
    },
    "POST /identity/v3/s3tokens": dict.fromkeys(
        ("access", "signature", "token"), f"{_SIGNED}test_a_storage_service_hands_in_the_text_that_was_signed"
    ),
    "POST /identity/v3/registered_limits": {
        **dict.fromkeys(
            ("service_id", "resource_name", "default_limit"),
            f"{_LIMITS}test_registering_replaces_the_configuration_and_deleting_brings_it_back",
        ),
        "region_id": REFUSED,
    },
    "PATCH /identity/v3/registered_limits/{id}": {
        "default_limit": f"{_HERE}test_a_limit_that_is_changed_is_held",
        **dict.fromkeys(("id", "service_id", "region_id", "resource_name"), REFUSED),
    },
    "POST /identity/v3/limits": {
        **dict.fromkeys(
            ("service_id", "resource_name", "resource_limit", "project_id"), f"{_LIMITS}test_a_limit_is_enforced"
        ),
        "domain_id": "api/test_domain_limits.py::test_projects_of_a_domain_share_its_limit_of_server_groups",
        "region_id": REFUSED,
    },
    "PATCH /identity/v3/limits/{id}": {
        "resource_limit": f"{_HERE}test_a_limit_that_is_changed_is_held",
        **dict.fromkeys(("id", "service_id", "region_id", "resource_name", "project_id", "domain_id"), REFUSED),
    },
    "PATCH /identity/v3/roles/{id}": {
        "domain_id": REFUSED,
        "options.immutable": "api/test_assignments.py::test_roles_are_changed_and_built_in_ones_are_not",
    },
    "PUT /compute/v2.1/flavors/{id}": {},
    "POST /compute/v2.1/flavors/{id}/os-extra_specs": {
        "*": "api/test_placement.py::test_traits_of_a_host_decide_where_servers_go"
    },
    "PUT /compute/v2.1/flavors/{id}/os-extra_specs/{key}": {
        "*": f"{_HERE}test_an_extra_spec_that_is_changed_is_the_next_servers"
    },
    "POST /compute/v2.1/flavors/{id}/action": dict.fromkeys(
        ("addTenantAccess.tenant", "removeTenantAccess.tenant"),
        "api/test_flavors.py::test_a_private_flavor_is_seen_by_those_with_access",
    ),
    "PUT /compute/v2.1/servers/{id}": {
        "hostname": f"{_ACTS}test_the_host_name_of_a_server_is_changed",
        "pinned_availability_zone": "api/test_pinned_zones.py::test_where_a_server_may_move_follows_from_its_pin",
        **dict.fromkeys(("OS-DCF:diskConfig", "accessIPv4", "accessIPv6"), LABEL),
    },
    "POST /compute/v2.1/servers/{id}/metadata": {"*": f"{_HERE}test_a_guest_reads_what_its_server_was_changed_to"},
    "PUT /compute/v2.1/servers/{id}/metadata": {"*": f"{_HERE}test_a_guest_reads_what_its_server_was_changed_to"},
    "PUT /compute/v2.1/servers/{id}/metadata/{key}": {"*": f"{_HERE}test_a_guest_reads_what_its_server_was_changed_to"},
    "PUT /compute/v2.1/servers/{id}/tags": {},
    "POST /compute/v2.1/servers/{id}/action": {
        **dict.fromkeys(("os-start", "os-stop"), f"{_HERE}test_a_guest_is_switched_off_and_on"),
        "reboot": f"{_HERE}test_a_reboot_is_asked_of_the_host",
        **dict.fromkeys(
            ("pause", "unpause"), "api/test_server_life.py::test_a_paused_server_is_shown_as_nova_shows_it"
        ),
        **dict.fromkeys(
            ("suspend", "resume"), "api/test_server_life.py::test_a_suspended_server_is_shown_as_nova_shows_it"
        ),
        "os-getConsoleOutput": "api/test_agents.py::test_a_console_is_handed_in_and_read_by_the_user",
        "rebuild.imageRef": "api/test_moves.py::test_a_rebuild_answers_with_the_server",
        **{
            f"rebuild.{name}": f"{_HERE}test_a_rebuilt_guest_reads_what_its_request_says"
            for name in ("metadata.*", "adminPass", "key_name", "user_data", "hostname")
        },
        **{f"rebuild.{name}": REFUSED for name in ("preserve_ephemeral", "trusted_image_certificates")},
        **{
            f"rebuild.personality.[].{name}": "api/test_personality.py::test_a_rebuild_has_its_own_files_or_none"
            for name in ("path", "contents")
        },
        **dict.fromkeys(
            ("rebuild.OS-DCF:diskConfig", "rebuild.accessIPv4", "rebuild.accessIPv6", "resize.OS-DCF:diskConfig"), LABEL
        ),
        **dict.fromkeys(("createImage.metadata.*", "createBackup.metadata.*"), LABEL),
        **{
            f"createBackup.{name}": "control/test_server_image.py::test_a_new_backup_takes_the_place_of_the_oldest_of_its_kind"
            for name in ("backup_type", "rotation")
        },
        "resize.flavorRef": "api/test_moves.py::test_a_resize_is_verified_and_confirmed",
        **{
            f"os-migrateLive.{name}": "api/test_personality.py::test_a_move_past_the_scheduler_is_refused"
            for name in ("block_migration", "disk_over_commit", "force")
        },
        "confirmResize": "api/test_moves.py::test_a_resize_is_verified_and_confirmed",
        "revertResize": "api/test_moves.py::test_a_migration_is_reverted_and_both_are_in_the_list_of_migrations",
        **{
            f"{name}.host": f"{_HERE}test_a_server_moves_to_the_host_that_is_named"
            for name in ("migrate", "os-migrateLive", "evacuate", "unshelve")
        },
        "evacuate.adminPass": "control/test_admin_pass.py::test_an_evacuated_guest_is_told_of_its_new_password",
        **{
            f"evacuate.{name}": "api/test_personality.py::test_a_move_past_the_scheduler_is_refused"
            for name in ("onSharedStorage", "force")
        },
        "shelve": "api/test_moves.py::test_shelving_offloads_and_unshelving_places_anew",
        "shelveOffload": "control/test_shelve.py::test_a_shelved_server_keeps_its_host_and_device_until_it_is_offloaded",
        "unshelve.availability_zone": "control/test_shelve.py::test_an_offloaded_server_is_unshelved_in_a_zone_that_is_named",
        **{
            f"os-get{kind}Console.type": "api/test_consoles.py::test_the_actions_of_older_clients_give_the_same_links"
            for kind in ("VNC", "SPICE", "RDP", "Serial")
        },
        "lock.locked_reason": f"{_ACTS}test_a_locked_server_is_changed_by_admins_only",
        "unlock": f"{_ACTS}test_a_locked_server_is_changed_by_admins_only",
        "os-resetState.state": f"{_ACTS}test_an_admin_resets_a_state_and_the_host_tells_what_is_true",
        **{
            f"{name}.name": f"{_ACTS}test_a_server_joins_and_leaves_security_groups"
            for name in ("addSecurityGroup", "removeSecurityGroup")
        },
        "changePassword.adminPass": "api/test_guest_answers.py::test_a_password_is_set_by_the_agent_in_the_guest",
        "trigger_crash_dump": "api/test_guest_answers.py::test_a_guest_gets_the_interrupt_at_which_it_writes_a_crash_dump",
        "injectNetworkInfo": f"{_ACTS}test_the_host_of_a_server_sets_its_networks_again",
        **dict.fromkeys(
            ("forceDelete", "restore"),
            "api/test_soft_delete.py::test_a_deleted_server_is_restored_and_deleted_for_good",
        ),
        "rescue.adminPass": f"{_HERE}test_a_rescue_system_has_the_password_and_the_image_that_are_named",
        "rescue.rescue_image_ref": f"{_HERE}test_a_rescue_system_has_the_password_and_the_image_that_are_named",
        "unrescue": "api/test_server_life.py::test_a_rescued_server_is_shown_as_nova_shows_it",
        **dict.fromkeys(
            ("addFixedIp.networkId", "removeFixedIp.address"),
            "api/test_fixed_ips.py::test_a_server_is_given_one_more_address_and_loses_one",
        ),
        **dict.fromkeys(
            ("addFloatingIp.address", "removeFloatingIp.address"),
            "api/test_os_floating_ips.py::test_an_address_leads_to_a_server_and_then_to_another",
        ),
        "addFloatingIp.fixed_address": "api/test_os_floating_ips.py::test_what_does_not_lead_to_a_server_is_refused_with_the_reason",
    },
    "POST /compute/v2.1/os-server-external-events": {
        **dict.fromkeys(
            ("name", "server_uuid"),
            "api/test_guest_answers.py::test_an_event_of_networks_has_the_host_look_again",
        ),
        # Nothing waits for an event: whatever it says, hosts look at all cards of the server again.
        **dict.fromkeys(("status", "tag"), LABEL),
    },
    "POST /compute/v2.1/servers/{id}/os-interface": dict.fromkeys(
        ("net_id", "port_id", "fixed_ips.[].ip_address", "tag"), f"{_HERE}test_a_guest_gets_the_card_that_is_asked_for"
    ),
    "POST /compute/v2.1/servers/{id}/migrations/{migration_id}/action": {
        "force_complete": "control/test_live.py::test_a_guest_that_is_to_stand_still_keeps_its_order_otherwise"
    },
    "POST /compute/v2.1/servers/{id}/remote-consoles": dict.fromkeys(
        ("protocol", "type"), "api/test_consoles.py::test_every_type_of_nova_has_its_answer"
    ),
    "PUT /compute/v2.1/os-quota-sets/{project}": {
        **_COMPUTE_LIMITS,
        "force": f"{_HERE}test_a_limit_below_what_is_used_is_set_by_force_only",
        "tenant_id": REFUSED,
    },
    "PUT /compute/v2.1/os-quota-class-sets/{name}": {
        **dict.fromkeys(_COMPUTE_LIMITS, f"{_HERE}test_a_limit_of_the_class_is_that_of_each_project"),
        **dict.fromkeys(
            ("fixed_ips", "floating_ips", "security_groups", "security_group_rules"),
            f"{_QUOTAS}test_the_class_of_quotas_has_limits_of_networks_as_long_as_novas",
        ),
        "id": REFUSED,
    },
    "PUT /compute/v2.1/os-aggregates/{id}": {
        "availability_zone": f"{_HERE}test_a_zone_is_asked_for_by_the_name_that_it_was_given"
    },
    "POST /compute/v2.1/os-aggregates/{id}/action": {
        **dict.fromkeys(
            ("add_host.host", "remove_host.host"),
            "api/test_aggregates.py::test_an_aggregate_lives_from_create_to_delete",
        ),
        "set_metadata.metadata.*": "api/test_aggregates.py::test_metadata_of_nova_s_that_can_t_be_is_refused_and_what_it_says_is_placed_by",
    },
    "PUT /compute/v2.1/os-services/{id}": {
        **dict.fromkeys(("host", "status"), f"{_HERE}test_a_disabled_host_gets_no_server"),
        "disabled_reason": f"{_HERE}test_a_reason_is_one_to_disable_a_host",
        **dict.fromkeys(("binary", "forced_down"), REFUSED),
    },
    "PUT /compute/v2.1/os-hosts/{name}": {
        "status": f"{_HERE}test_a_disabled_host_gets_no_server",
        "maintenance_mode": REFUSED,
    },
    "POST /compute/v2.1/os-floating-ips": {
        "pool": "api/test_os_floating_ips.py::test_an_address_is_taken_from_a_pool_and_given_back"
    },
    "POST /compute/v2.1/images/{id}/metadata": {"*": LABEL},
    "PUT /compute/v2.1/images/{id}/metadata": {"*": LABEL},
    "PUT /compute/v2.1/images/{id}/metadata/{key}": {"*": LABEL},
    "POST /compute/v2.1/os-security-groups": {},
    "PUT /compute/v2.1/os-security-groups/{id}": {},
    "POST /compute/v2.1/os-security-group-rules": {
        **dict.fromkeys(
            ("parent_group_id", "ip_protocol", "from_port", "to_port", "cidr", "group_id"),
            f"{_HERE}test_a_rule_of_the_older_api_is_what_hosts_let_through",
        )
    },
    "PATCH /image/v2/images/{id}": {
        **dict.fromkeys(("op", "path", "value"), "api/test_images.py::test_a_patch_changes_adds_and_removes"),
        **dict.fromkeys(("add", "replace", "remove"), "api/test_images.py::test_the_older_form_of_a_patch_is_read_too"),
    },
    "POST /image/v2/images/{id}/members": {
        "member": "api/test_image_members.py::test_a_member_sees_boots_and_downloads_a_shared_image_and_lists_it_once_accepted"
    },
    "PUT /image/v2/images/{id}/members/{member}": {
        "status": "api/test_image_members.py::test_a_member_sees_boots_and_downloads_a_shared_image_and_lists_it_once_accepted",
        "member": REFUSED,
    },
    "POST /image/v2/images/{id}/import": {
        "method.name": "api/test_image_imports.py::test_only_staged_data_is_imported_into_the_one_store",
        "method.uri": "api/test_web_download.py::test_an_image_is_fetched_and_checked",
        **{
            f"method.{name}": "api/test_glance_download.py::test_an_image_of_another_region_is_copied_with_the_users_token"
            for name in ("glance_image_id", "glance_region")
        },
        "method.glance_service_interface": "api/test_glance_download.py::test_a_region_may_be_the_own_one",
        **dict.fromkeys(
            ("stores", "all_stores"),
            "api/test_image_stores.py::test_an_import_goes_to_the_stores_that_it_names_and_leaves_nothing_elsewhere",
        ),
        "all_stores_must_succeed": "api/test_image_stores.py::test_where_one_store_may_fail_the_image_is_in_the_other",
    },
    "POST /image/v2/tasks": dict.fromkeys(("type", "input"), REFUSED),  # always: imports make tasks
    "PUT /network/v2.0/networks/{id}": {
        **dict.fromkeys(("shared", "router:external"), f"{_HERE}test_who_sees_a_network_is_changed"),
        "is_default": "api/test_topologies.py::test_the_network_that_is_the_default_now_has_the_gateways_of_new_routers",
        "admin_state_up": f"{_FLAGS}test_while_a_network_is_off_its_ports_carry_nothing_and_then_they_are_as_they_were",
        "port_security_enabled": f"{_FLAGS}test_new_ports_have_the_port_security_of_their_network_and_others_keep_theirs",
        "mtu": f"{_FLAGS}test_hosts_and_metadata_are_told_the_mtu_that_a_network_was_changed_to",
    },
    "PUT /network/v2.0/subnets/{id}": {
        **dict.fromkeys(
            ("enable_dhcp", "dns_nameservers", "gateway_ip"), f"{_HERE}test_hosts_are_told_what_a_subnet_was_changed_to"
        ),
        **{
            f"host_routes.[].{name}": f"{_HERE}test_hosts_are_told_what_a_subnet_was_changed_to"
            for name in ("destination", "nexthop")
        },
        **{
            f"allocation_pools.[].{name}": "api/test_networks.py::test_another_pool_is_for_new_ports"
            for name in ("start", "end")
        },
    },
    "PUT /network/v2.0/ports/{id}": {
        **dict.fromkeys(
            (
                "admin_state_up",
                "port_security_enabled",
                "security_groups",
                "allowed_address_pairs.[].ip_address",
                "allowed_address_pairs.[].mac_address",
                "extra_dhcp_opts.[].opt_name",
                "extra_dhcp_opts.[].opt_value",
            ),
            f"{_HERE}test_hosts_are_told_what_a_port_was_changed_to",
        ),
        **dict.fromkeys(
            ("fixed_ips.[].subnet_id", "fixed_ips.[].ip_address"),
            "api/test_fixed_ips.py::test_hosts_and_guests_are_told_all_addresses_and_dhcp_gives_the_first",
        ),
        "numa_affinity_policy": "control/test_sriov_ports.py::test_the_policy_that_a_port_was_changed_to_is_placed_by",
        **dict.fromkeys(
            (
                "mac_address",
                "device_id",
                "device_owner",
                "dns_name",
                "binding:vnic_type",
                "binding:profile",
                "binding:host_id",
                "extra_dhcp_opts.[].ip_version",
            ),
            REFUSED,
        ),
    },
    "PUT /network/v2.0/routers/{id}": {
        **dict.fromkeys(
            ("admin_state_up", "external_gateway_info.network_id", "external_gateway_info.enable_snat"),
            f"{_HERE}test_ovn_is_told_what_a_router_was_changed_to",
        ),
        **{
            f"external_gateway_info.external_fixed_ips.[].{name}": f"{_HERE}test_ovn_is_told_what_a_router_was_changed_to"
            for name in ("subnet_id", "ip_address")
        },
        **{
            f"routes.[].{name}": f"{_HERE}test_ovn_is_told_what_a_router_was_changed_to"
            for name in ("destination", "nexthop")
        },
    },
    "PUT /network/v2.0/routers/{id}/add_router_interface": dict.fromkeys(
        ("subnet_id", "port_id"), f"{_ROUTERS}test_an_interface_comes_by_subnet_or_port_and_goes"
    ),
    "PUT /network/v2.0/routers/{id}/remove_router_interface": {
        "subnet_id": f"{_ROUTERS}test_an_interface_comes_by_subnet_or_port_and_goes",
        "port_id": f"{_ROUTERS}test_an_interface_may_be_told_the_subnet_that_it_is_on_and_no_other",
    },
    "PUT /network/v2.0/trunks/{id}": {
        "admin_state_up": f"{_TRUNKS}test_a_trunk_that_is_switched_off_keeps_what_it_has"
    },
    "PUT /network/v2.0/trunks/{id}/add_subports": {
        "port_id": f"{_TRUNKS}test_a_trunk_carries_ports_and_its_parent_tells_which",
        **dict.fromkeys(
            ("segmentation_id", "segmentation_type"), f"{_TRUNKS}test_vlan_ids_are_unique_within_a_trunk_and_in_range"
        ),
    },
    "PUT /network/v2.0/trunks/{id}/remove_subports": dict.fromkeys(
        ("port_id", "segmentation_id", "segmentation_type"), f"{_TRUNKS}test_sub_ports_that_are_removed_are_free"
    ),
    "PUT /network/v2.0/floatingips/{id}": {
        "port_id": f"{_ROUTERS}test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses",
        "fixed_ip_address": f"{_HERE}test_a_floating_address_leads_to_an_address_of_its_port_only",
    },
    "PUT /network/v2.0/security-groups/{id}": {"stateful": REFUSED},
    "PUT /network/v2.0/quotas/{project}": {
        **dict.fromkeys(
            ("network", "subnet", "port", "security_group", "security_group_rule"),
            f"{_HERE}test_a_quota_of_networks_is_held",
        ),
        **dict.fromkeys(("router", "floatingip"), f"{_ROUTERS}test_routers_and_floating_addresses_have_quotas"),
        "trunk": f"{_TRUNKS}test_trunks_have_a_quota",
        **dict.fromkeys(
            ("check_limit", "force", "subnetpool", "rbac_policy"),
            "api/test_quotas.py::test_limits_of_networks_are_checked_against_what_there_is",
        ),
    },
    **{
        f"PUT /network/v2.0/routers/{{id}}/{act}_extraroutes": dict.fromkeys(
            ("destination", "nexthop"), f"{_ROUTERS}test_routes_are_added_and_removed_each_for_itself"
        )
        for act in ("add", "remove")
    },
    **{
        f"PUT /network/v2.0/{kind}/{{id}}/tags": {}
        for kind in ("networks", "subnets", "ports", "security-groups", "routers", "floatingips", "trunks")
    },
    "PUT /placement/resource_providers/{id}/inventories": {
        "resource_provider_generation": _RESERVED,
        "inventories.*.reserved": _RESERVED,
        **{
            f"inventories.*.{name}": REFUSED
            for name in ("total", "min_unit", "max_unit", "step_size", "allocation_ratio")
        },
    },
    "PUT /placement/resource_providers/{id}/inventories/{class}": {
        **dict.fromkeys(("resource_provider_generation", "reserved"), _RESERVED),
        **dict.fromkeys(("total", "min_unit", "max_unit", "step_size", "allocation_ratio"), REFUSED),
    },
    "PUT /placement/resource_providers/{id}/traits": dict.fromkeys(
        ("traits", "resource_provider_generation"),
        "api/test_placement.py::test_traits_of_a_host_decide_where_servers_go",
    ),
    "POST /busway/v1/hosts": {
        "name": "api/test_own.py::test_a_host_is_added_listed_and_removed",
        "rotate": "bootstrap/test_tls.py::test_a_new_invitation_ends_the_token_and_the_credential_before_it",
    },
    "PATCH /busway/v1/hosts/{name}": {
        "enabled": f"{_HERE}test_a_disabled_host_gets_no_server",
        "reason": f"{_HERE}test_a_reason_is_one_to_disable_a_host",
    },
    "POST /busway/v1/aliases": {
        "definitions": "control/test_pci_rules.py::test_a_new_rule_counts_at_once_in_every_process"
    },
    "PATCH /busway/v1/aliases/{name:path}": {
        "definitions": "api/test_own_rules.py::test_an_alias_is_made_changed_and_deleted",
        "version": "control/test_pci_rules.py::test_a_change_that_is_based_on_an_older_version_is_refused",
    },
    "POST /busway/v1/device-specs": {
        "definition": "control/test_pci_rules.py::test_a_new_rule_counts_at_once_in_every_process",
        "before": "control/test_pci_rules.py::test_device_specs_are_put_where_they_are_wanted",
    },
    "PATCH /busway/v1/device-specs/{id}": {
        "definition": f"{_HERE}test_a_device_spec_that_is_changed_offers_other_devices",
        "before": "control/test_pci_rules.py::test_device_specs_are_put_where_they_are_wanted",
        "version": "control/test_pci_rules.py::test_a_change_that_is_based_on_an_older_version_is_refused",
    },
    "POST /busway/v1/servers/{id}/devices": {
        "alias": "control/test_attached_devices.py::test_a_device_is_allocated_once_the_guest_was_seen_with_it"
    },
    "PUT /busway/v1/quota": {
        "limits.*": f"{_QUOTAS}test_devices_have_quotas_of_their_own",
        "force": f"{_HERE}test_a_limit_below_what_is_used_is_set_by_force_only",
    },
    "PUT /busway/v1/quota-defaults": {
        "*": "control/test_quotas.py::test_a_project_s_own_limits_go_before_those_of_all"
    },
    **{
        f"{method} /image/v2/metadefs/namespaces{path}": {
            "visibility": "api/test_metadefs.py::test_others_read_public_namespaces_only_and_change_none",
            "protected": "api/test_metadefs.py::test_nothing_of_a_protected_namespace_is_deleted",
            "owner": f"{_HERE}test_a_namespace_is_read_by_its_owner",
        }
        for method, path in (("POST", ""), ("PUT", "/{namespace}"))
    },
}
# Definitions of metadata are words for people who choose properties: nothing follows from the others of their fields.
DEFINITIONS = "/image/v2/metadefs/"
