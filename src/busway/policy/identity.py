"""Keystone's rules for what Busway's identity API does; there is one domain, so rules of domains are left out."""

from __future__ import annotations

from busway.policy.rule import ADMIN, PROJECT_AND_SYSTEM, SYSTEM_READER, Rule

_SELF = "user_id:%(target.user.id)s"
_OWNER = "user_id:%(user_id)s"
_SUBJECT = "user_id:%(target.token.user_id)s"


def _rule(name: str, check: str, description: str) -> Rule:
    """A rule of identity: it holds for tokens of every scope, and for those of none."""
    return Rule(f"identity:{name}", check, description, PROJECT_AND_SYSTEM, unscoped=True)


_ALIASES = (
    Rule("admin_required", "role:admin", "Keystone's name for an admin", ()),
    Rule("service_role", "role:service", "Keystone's name for another service", ()),
    Rule("owner", _OWNER, "The owner of the target", ()),
    Rule("admin_or_owner", "rule:admin_required or rule:owner", "An admin, or the owner of the target", ()),
    Rule("token_subject", _SUBJECT, "The user of a token", ()),
)
_TOKENS = (
    _rule("get_auth_catalog", "", "See the services of the cloud"),
    _rule("get_auth_projects", "", "List the projects in which you have a role"),
    _rule("get_auth_system", "", "Check whether you have a role on the system"),
    _rule("validate_token", f"{SYSTEM_READER} or rule:service_role or rule:token_subject", "Validate a token"),
    _rule("revoke_token", "rule:admin_required or rule:token_subject", "Revoke a token and the tokens made from it"),
)
_CATALOG = (
    _rule("list_services", SYSTEM_READER, "List services"),
    _rule("list_endpoints", SYSTEM_READER, "List endpoints"),
    _rule("list_regions", "", "List regions"),
    _rule("list_domains", SYSTEM_READER, "List domains"),
    # Everybody is in the one domain, so everybody with a token may read its name, as Keystone lets them.
    _rule("get_domain", "", "Show the domain"),
)
_PROJECTS = (
    _rule("list_projects", SYSTEM_READER, "List all projects"),
    _rule("list_user_projects", f"{SYSTEM_READER} or {_SELF}", "List the projects of a user"),
    _rule("get_project", f"{SYSTEM_READER} or project_id:%(target.project.id)s", "Show a project"),
    _rule("create_project", ADMIN, "Create a project"),
    _rule("update_project", ADMIN, "Change or disable a project"),
    _rule("delete_project", ADMIN, "Delete a project"),
)
_USERS = (
    _rule("list_users", SYSTEM_READER, "List users"),
    _rule("get_user", f"{SYSTEM_READER} or {_SELF}", "Show a user"),
    _rule("create_user", ADMIN, "Create a user"),
    _rule("update_user", ADMIN, "Change or disable a user, and set a password"),
    _rule("delete_user", ADMIN, "Delete a user"),
)
_CREDENTIALS = (
    _rule("list_application_credentials", f"{SYSTEM_READER} or rule:owner", "List a user's application credentials"),
    _rule("get_application_credential", f"{SYSTEM_READER} or rule:owner", "Show an application credential"),
    _rule("create_application_credential", _OWNER, "Create your own application credential"),
    _rule("delete_application_credential", "rule:admin_or_owner", "Delete an application credential"),
    _rule("list_access_rules", f"(role:reader and system_scope:all) or {_SELF}", "List a user's access rules"),
    _rule("get_access_rule", f"(role:reader and system_scope:all) or {_SELF}", "Show an access rule"),
)
_ROLES = (
    _rule("list_roles", SYSTEM_READER, "List roles"),
    _rule("get_role", SYSTEM_READER, "Show a role"),
    _rule("create_role", ADMIN, "Create a role"),
    _rule("delete_role", ADMIN, "Delete a role"),
    _rule("list_role_assignments", SYSTEM_READER, "List role assignments"),
    _rule("list_grants", SYSTEM_READER, "List a user's roles in a project"),
    _rule("check_grant", SYSTEM_READER, "Check whether a user has a role in a project"),
    _rule("create_grant", ADMIN, "Give a user a role in a project"),
    _rule("revoke_grant", ADMIN, "Revoke a user's role in a project"),
    _rule("list_system_grants_for_user", SYSTEM_READER, "List a user's roles on the system"),
    _rule("check_system_grant_for_user", SYSTEM_READER, "Check whether a user has a role on the system"),
    _rule("create_system_grant_for_user", ADMIN, "Give a user a role on the system"),
    _rule("revoke_system_grant_for_user", ADMIN, "Revoke a user's role on the system"),
)

RULES = (*_ALIASES, *_TOKENS, *_CATALOG, *_PROJECTS, *_USERS, *_CREDENTIALS, *_ROLES)
