"""Keystone's rules for what Busway's identity API does."""

from __future__ import annotations

from busway.policy.rule import ADMIN, EVERY_SCOPE, SYSTEM_READER, Rule

_SELF = "user_id:%(target.user.id)s"
_OWNER = "user_id:%(user_id)s"
_SUBJECT = "user_id:%(target.token.user_id)s"
_DOMAIN_READER = f"{SYSTEM_READER} or (role:reader and domain_id:%(target.domain_id)s)"


def _reader_of(kind: str) -> str:
    return f"{SYSTEM_READER} or (role:reader and domain_id:%(target.{kind}.domain_id)s)"


def _manager_of(kind: str) -> str:
    return f"{ADMIN} or (role:manager and domain_id:%(target.{kind}.domain_id)s)"


def _rule(name: str, check: str, description: str) -> Rule:
    """A rule of identity: it holds for tokens of every scope, and for those of none."""
    return Rule(f"identity:{name}", check, description, EVERY_SCOPE, unscoped=True)


def _both(role: str, others: str) -> str:
    """Who has the role on the domain that both the group and the user are in."""
    pair = "domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s"
    return f"{others} or (role:{role} and {pair})"


def _in_domain(role: str) -> str:
    """Who has the role on the domain that both the user or group, and the project or domain, are in."""
    places = ("domain_id:%(target.project.domain_id)s", "domain_id:%(target.domain.id)s")
    actors = ("domain_id:%(target.user.domain_id)s", "domain_id:%(target.group.domain_id)s")
    return " or ".join(f"(role:{role} and {actor} and {place})" for actor in actors for place in places)


_ROLE_OF_DOMAIN = "domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s"
_MANAGED = " or ".join(f"'{name}':%(target.role.name)s" for name in ("manager", "member", "reader"))
_ALIASES = (
    Rule("admin_required", "role:admin", "Keystone's name for an admin", ()),
    Rule("service_role", "role:service", "Keystone's name for another service", ()),
    Rule("owner", _OWNER, "The owner of the target", ()),
    Rule("admin_or_owner", "rule:admin_required or rule:owner", "An admin, or the owner of the target", ()),
    Rule(
        "domain_managed_target_role", _MANAGED, "The roles that a manager of a domain may assign and revoke there", ()
    ),
    Rule("token_subject", _SUBJECT, "The user of a token", ()),
)
_TOKENS = (
    _rule("get_auth_catalog", "", "See the services of the cloud"),
    _rule("get_auth_projects", "", "List the projects in which you have a role"),
    _rule("get_auth_domains", "", "List the domains on which you have a role"),
    _rule("get_auth_system", "", "Check whether you have a role on the system"),
    _rule("validate_token", f"{SYSTEM_READER} or rule:service_role or rule:token_subject", "Validate a token"),
    _rule("revoke_token", "rule:admin_required or rule:token_subject", "Revoke a token and the tokens made from it"),
)
_CATALOG = (
    _rule("list_services", SYSTEM_READER, "List services"),
    _rule("get_service", SYSTEM_READER, "Show a service"),
    _rule("create_service", ADMIN, "Enter a service in the catalog"),
    _rule("update_service", ADMIN, "Change a service"),
    _rule("delete_service", ADMIN, "Remove a service from the catalog"),
    _rule("list_endpoints", SYSTEM_READER, "List endpoints"),
    _rule("get_endpoint", SYSTEM_READER, "Show an endpoint"),
    _rule("create_endpoint", ADMIN, "Enter an endpoint in the catalog"),
    _rule("update_endpoint", ADMIN, "Change an endpoint"),
    _rule("delete_endpoint", ADMIN, "Remove an endpoint from the catalog"),
    _rule("list_regions", "", "List regions"),
    _rule("get_region", "", "Show a region"),
    _rule("create_region", ADMIN, "Create a region"),
    _rule("update_region", ADMIN, "Change a region"),
    _rule("delete_region", ADMIN, "Delete a region"),
)
_DOMAINS = (
    _rule(
        "list_domains",
        f"{SYSTEM_READER} or (role:reader and domain_id:%(target.domain.id)s)",
        "List all domains, or the domain of the token",
    ),
    _rule(
        "get_domain",
        f"{SYSTEM_READER} or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s",
        "Show a domain",
    ),
    _rule("create_domain", ADMIN, "Create a domain"),
    _rule("update_domain", ADMIN, "Change or disable a domain"),
    _rule("delete_domain", ADMIN, "Delete a domain and everything in it"),
)
_SEEN_PROJECT = f"{_reader_of('project')} or project_id:%(target.project.id)s"
_PROJECTS = (
    _rule("list_projects", _DOMAIN_READER, "List all projects, or those of the token's domain"),
    _rule("list_user_projects", f"{_reader_of('user')} or {_SELF}", "List the projects of a user"),
    _rule("get_project", _SEEN_PROJECT, "Show a project"),
    _rule("create_project", _manager_of("project"), "Create a project"),
    _rule("update_project", _manager_of("project"), "Change or disable a project"),
    _rule("delete_project", _manager_of("project"), "Delete a project"),
    _rule("list_project_tags", _SEEN_PROJECT, "List a project's tags"),
    _rule("get_project_tag", _SEEN_PROJECT, "Check whether a project has a tag"),
    _rule("update_project_tags", ADMIN, "Replace a project's tags"),
    _rule("create_project_tag", ADMIN, "Add a tag to a project"),
    _rule("delete_project_tags", ADMIN, "Remove all tags of a project"),
    _rule("delete_project_tag", ADMIN, "Remove a tag of a project"),
)
_USERS = (
    _rule("list_users", _DOMAIN_READER, "List all users, or those of the token's domain"),
    _rule("get_user", f"{_reader_of('user')} or {_SELF}", "Show a user"),
    _rule("create_user", _manager_of("user"), "Create a user"),
    _rule("update_user", _manager_of("user"), "Change or disable a user, and set a password"),
    _rule("delete_user", _manager_of("user"), "Delete a user"),
)
_CREDENTIALS = (
    _rule("list_application_credentials", f"{SYSTEM_READER} or rule:owner", "List a user's application credentials"),
    _rule("get_application_credential", f"{SYSTEM_READER} or rule:owner", "Show an application credential"),
    _rule("create_application_credential", _OWNER, "Create your own application credential"),
    _rule("delete_application_credential", "rule:admin_or_owner", "Delete an application credential"),
    _rule("list_access_rules", f"(role:reader and system_scope:all) or {_SELF}", "List a user's access rules"),
    _rule("get_access_rule", f"(role:reader and system_scope:all) or {_SELF}", "Show an access rule"),
    _rule("delete_access_rule", f"{ADMIN} or {_SELF}", "Delete an access rule that no application credential has"),
)
_KEEPER = "user_id:%(target.credential.user_id)s"
_KEPT = (
    _rule("list_credentials", f"{SYSTEM_READER} or {_KEEPER}", "List credentials, without their secrets"),
    _rule("get_credential", f"{ADMIN} or {_KEEPER}", "Show a credential with its secret"),
    _rule("create_credential", f"{ADMIN} or {_KEEPER}", "Keep a credential of a user"),
    _rule("update_credential", f"{ADMIN} or {_KEEPER}", "Replace the secret of a credential"),
    _rule("delete_credential", f"{ADMIN} or {_KEEPER}", "Delete a credential"),
    _rule("ec2_list_credentials", f"{SYSTEM_READER} or {_OWNER}", "List a user's access keys, without their secrets"),
    _rule("ec2_get_credential", f"{ADMIN} or {_KEEPER}", "Show an access key with its secret"),
    _rule("ec2_create_credential", f"{ADMIN} or {_OWNER}", "Create an access key of a user"),
    _rule(
        "ec2tokens_validate",
        "rule:admin_required or rule:service_role",
        "Get a token for a request signed with an access key",
    ),
    _rule(
        "s3tokens_validate",
        "rule:admin_required or rule:service_role",
        "Get a token for a text signed with an access key",
    ),
    _rule("ec2_delete_credential", f"{ADMIN} or {_KEEPER}", "Delete an access key"),
)
_TRUSTOR, _TRUSTEE = "user_id:%(target.trust.trustor_user_id)s", "user_id:%(target.trust.trustee_user_id)s"
_BOTH_USERS = f"{SYSTEM_READER} or {_TRUSTOR} or {_TRUSTEE}"
_TRUSTS = (
    _rule("create_trust", "user_id:%(trust.trustor_user_id)s", "Create a trust of your own"),
    _rule("list_trusts", SYSTEM_READER, "List all trusts"),
    _rule("list_trusts_for_trustor", f"{SYSTEM_READER} or {_TRUSTOR}", "List the trusts that a user gave"),
    _rule("list_trusts_for_trustee", f"{SYSTEM_READER} or {_TRUSTEE}", "List the trusts that a user was given"),
    _rule("get_trust", _BOTH_USERS, "Show a trust"),
    _rule("delete_trust", f"{ADMIN} or {_TRUSTOR}", "Delete a trust"),
    _rule("list_roles_for_trust", _BOTH_USERS, "List the roles of a trust"),
    _rule("get_role_for_trust", _BOTH_USERS, "Show a role of a trust"),
)
_LIMITS = (
    _rule("get_limit_model", "", "See which limits depend on which"),
    _rule("list_registered_limits", "", "List the limits of all projects"),
    _rule("get_registered_limit", "", "Show a limit of all projects"),
    _rule("create_registered_limits", ADMIN, "Set a limit of all projects"),
    _rule("update_registered_limit", ADMIN, "Change a limit of all projects"),
    _rule("delete_registered_limit", ADMIN, "Take a limit of all projects back"),
    _rule("list_limits", "", "List limits of projects and domains: your own, those of your domain and in it, or all"),
    _rule(
        "get_limit",
        f"{SYSTEM_READER} or domain_id:%(target.limit.domain_id)s or project_id:%(target.limit.project_id)s",
        "Show a limit of a project or a domain",
    ),
    _rule("create_limits", ADMIN, "Give a project or a domain a limit of its own"),
    _rule("update_limit", ADMIN, "Change a limit of a project or a domain"),
    _rule("delete_limit", ADMIN, "Take a limit of a project or a domain away"),
)
_GROUPS = (
    _rule("list_groups", _DOMAIN_READER, "List all groups, or those of the token's domain"),
    _rule("get_group", _reader_of("group"), "Show a group"),
    _rule("create_group", _manager_of("group"), "Create a group"),
    _rule("update_group", _manager_of("group"), "Change a group"),
    _rule("delete_group", _manager_of("group"), "Delete a group"),
    _rule("list_groups_for_user", f"{_reader_of('user')} or {_OWNER}", "List the groups that a user is in"),
    _rule("list_users_in_group", _reader_of("group"), "List the users of a group"),
    _rule("check_user_in_group", _both("reader", SYSTEM_READER), "Check whether a user is in a group"),
    _rule("add_user_to_group", _both("manager", ADMIN), "Add a user to a group"),
    _rule("remove_user_from_group", _both("manager", ADMIN), "Remove a user from a group"),
)
# A manager of a domain is shown the roles of the cloud, to give them there.
_SEEN_ROLE = f"{SYSTEM_READER} or (role:manager and not domain_id:None)"
_ROLES = (
    _rule("list_roles", _SEEN_ROLE, "List roles"),
    _rule("get_role", _SEEN_ROLE, "Show a role"),
    _rule("create_role", ADMIN, "Create a role"),
    _rule("update_role", ADMIN, "Change a role"),
    _rule("delete_role", ADMIN, "Delete a role"),
    _rule("list_domain_roles", SYSTEM_READER, "List the roles of a domain"),
    _rule("get_domain_role", SYSTEM_READER, "Show a role of a domain"),
    _rule("create_domain_role", ADMIN, "Create a role of a domain"),
    _rule("update_domain_role", ADMIN, "Change a role of a domain"),
    _rule("delete_domain_role", ADMIN, "Delete a role of a domain"),
    _rule("list_role_inference_rules", SYSTEM_READER, "List which roles imply which"),
    _rule("list_implied_roles", SYSTEM_READER, "List what a role implies"),
    _rule("get_implied_role", SYSTEM_READER, "Show that a role implies another"),
    _rule("check_implied_role", SYSTEM_READER, "Check whether a role implies another"),
    _rule("create_implied_role", ADMIN, "Make a role imply another"),
    _rule("delete_implied_role", ADMIN, "Remove an implied role"),
)
_GRANTS = (
    _rule("list_role_assignments", _DOMAIN_READER, "List role assignments"),
    _rule("list_role_assignments_for_tree", ADMIN, "List role assignments of a project and the projects below it"),
    _rule(
        "list_grants",
        f"{SYSTEM_READER} or {_in_domain('reader')}",
        "List the roles of a user or group in a project or on a domain",
    ),
    _rule(
        "check_grant",
        f"{SYSTEM_READER} or (({_in_domain('reader')}) and ({_ROLE_OF_DOMAIN}))",
        "Check whether a user or group has a role in a project or on a domain",
    ),
    _rule(
        "create_grant",
        f"{ADMIN} or (({_in_domain('manager')}) and rule:domain_managed_target_role)",
        "Assign a role to a user or group in a project or on a domain",
    ),
    _rule(
        "revoke_grant",
        f"{ADMIN} or (({_in_domain('manager')}) and rule:domain_managed_target_role)",
        "Revoke a role of a user or group in a project or on a domain",
    ),
    _rule("list_system_grants_for_user", SYSTEM_READER, "List a user's roles on the system"),
    _rule("check_system_grant_for_user", SYSTEM_READER, "Check whether a user has a role on the system"),
    _rule("create_system_grant_for_user", ADMIN, "Give a user a role on the system"),
    _rule("revoke_system_grant_for_user", ADMIN, "Revoke a user's role on the system"),
    _rule("list_system_grants_for_group", SYSTEM_READER, "List a group's roles on the system"),
    _rule("check_system_grant_for_group", SYSTEM_READER, "Check whether a group has a role on the system"),
    _rule("create_system_grant_for_group", ADMIN, "Give a group a role on the system"),
    _rule("revoke_system_grant_for_group", ADMIN, "Revoke a group's role on the system"),
)

RULES = (
    *_ALIASES,
    *_TOKENS,
    *_CATALOG,
    *_DOMAINS,
    *_PROJECTS,
    *_USERS,
    *_GROUPS,
    *_CREDENTIALS,
    *_KEPT,
    *_TRUSTS,
    *_LIMITS,
    *_ROLES,
    *_GRANTS,
)
