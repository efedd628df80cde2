"""Projects and the one domain."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity.answers import DOMAIN, PROJECT, SYSTEM, listed
from busway.api.identity.listing import DIRECTORY_QUERY, directory_filter, in_domain, next_page
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, Schema, as_bool, open_object
from busway.control.identity import directory as identity
from busway.control.identity import grants
from busway.domain.errors import NotFound
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, Project

_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 64},
    "description": {"type": ["string", "null"], "maxLength": 65535},
    "enabled": BOOLEAN,
}
_CREATE = Schema(open_object({"project": open_object(_FIELDS, "name")}, "project"))
_UPDATE = Schema(open_object({"project": open_object(_FIELDS)}, "project"))


def project_body(call: Call, project: Project) -> dict[str, object]:
    """A project as the identity API shows it."""
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "enabled": project.enabled,
        "domain_id": DOMAIN_ID,
        "parent_id": DOMAIN_ID,
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": call.url(f"/identity/v3/projects/{project.id}")},
    }


def _domain(call: Call) -> dict[str, object]:
    return {
        "id": DOMAIN_ID,
        "name": DOMAIN_NAME,
        "description": "The only domain",
        "enabled": True,
        "tags": [],
        "options": {},
        "links": {"self": call.url(f"/identity/v3/domains/{DOMAIN_ID}")},
    }


def _list(call: Call) -> Reply:
    found = identity.list_projects(call.control, call.caller, directory_filter(call)) if in_domain(call) else []
    rows = [project_body(call, each) for each in found]
    link = next_page(call, "/identity/v3/projects", [each.id for each in found])
    return Reply({"projects": rows, "links": {"next": link}})


def _list_own(call: Call) -> Reply:
    found = identity.list_projects(call.control, call.caller, own=True)
    return Reply({"projects": [project_body(call, each) for each in found], "links": {"next": None}})


def _show(call: Call) -> Reply:
    return Reply({"project": project_body(call, identity.get_project(call.control, call.caller, call.path["id"]))})


def _changes(given: dict[str, object]) -> dict[str, object]:
    changes: dict[str, object] = {key: given[key] for key in ("name", "description") if key in given}
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    if "enabled" in given:
        changes["enabled"] = as_bool(given["enabled"], "enabled")
    return changes


def _create(call: Call) -> Reply:
    given = _changes(call.body["project"])
    made = identity.create_project(
        call.control,
        call.caller,
        str(given["name"]),
        str(given.get("description", "")),
        bool(given.get("enabled", True)),
    )
    return Reply({"project": project_body(call, made)}, 201)


def _update(call: Call) -> Reply:
    changed = identity.update_project(call.control, call.caller, call.path["id"], _changes(call.body["project"]))
    return Reply({"project": project_body(call, changed)})


def _delete(call: Call) -> Reply:
    identity.delete_project(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _list_domains(call: Call) -> Reply:
    name = call.text("name")
    found = [_domain(call)] if name is None or name.lower() == DOMAIN_NAME.lower() else []
    return Reply({"domains": found, "links": {"next": None}})


def _show_domain(call: Call) -> Reply:
    if call.path["id"] != DOMAIN_ID:
        raise NotFound(f"Could not find domain: {call.path['id']}", code="domain-not-found")
    return Reply({"domain": _domain(call)})


def _list_own_system(call: Call) -> Reply:
    has_role = bool(grants.list_system_roles(call.control, call.caller, call.caller.user_id, call.rule))
    return Reply(
        {"system": [{"all": True}] if has_role else [], "links": {"self": call.url("/identity/v3/auth/system")}}
    )


OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/auth/projects",
        _list_own,
        rule="identity:get_auth_projects",
        answer=listed("projects", PROJECT),
    ),
    Operation(
        "GET",
        "/identity/v3/projects",
        _list,
        query=DIRECTORY_QUERY,
        rule="identity:list_projects",
        answer=listed("projects", PROJECT),
    ),
    Operation(
        "POST",
        "/identity/v3/projects",
        _create,
        _CREATE,
        rule="identity:create_project",
        answer=wrap("project", PROJECT),
    ),
    Operation("GET", "/identity/v3/projects/{id}", _show, rule="identity:get_project", answer=wrap("project", PROJECT)),
    Operation(
        "PATCH",
        "/identity/v3/projects/{id}",
        _update,
        _UPDATE,
        rule="identity:update_project",
        answer=wrap("project", PROJECT),
    ),
    Operation("DELETE", "/identity/v3/projects/{id}", _delete, rule="identity:delete_project"),
    Operation(
        "GET", "/identity/v3/domains", _list_domains, rule="identity:list_domains", answer=listed("domains", DOMAIN)
    ),
    Operation(
        "GET", "/identity/v3/domains/{id}", _show_domain, rule="identity:get_domain", answer=wrap("domain", DOMAIN)
    ),
    Operation("GET", "/identity/v3/auth/system", _list_own_system, rule="identity:get_auth_system", answer=SYSTEM),
)
