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
    _rule("list_endpoints", SYSTEM_READER, "List endpoints"),
    _rule("list_regions", "", "List regions"),
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
    _rule("get_implied_role", SYSTEM_READER, "Check whether a role implies another"),
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
    *_ROLES,
    *_GRANTS,
)
