"""Projects, users and role assignments."""

from __future__ import annotations

from starlette.responses import Response

from busway.api.microversion import MAXIMUM
from busway.control.identity.grants import list_assignments
from busway.control.identity.projects import list_projects
from busway.control.identity.roles import list_roles
from busway.control.identity.users import list_users
from busway.domain.errors import BuswayError, NotFound
from busway.store.assignment_list import AssignmentFilter
from busway.web.page import Page, View

_V3 = "/identity/v3"
_GRANT = f"{_V3}/projects/{{project}}/users/{{user}}/roles/{{role}}"


def _list(view: View, error: BuswayError | None = None) -> Response:
    control, caller = view.control, view.caller
    users = list_users(control, caller) if view.may("identity:list_users") else []
    assigned = (
        list_assignments(control, caller, AssignmentFilter()) if view.may("identity:list_role_assignments") else []
    )
    values = {
        "projects": sorted(list_projects(control, caller), key=lambda each: each.name),
        "users": sorted(users, key=lambda each: each.name),
        "roles": list_roles(control, caller) if view.may("identity:list_roles") else [],
        "assigned": assigned,
        "form": view.form,
    }
    return view.render("projects.html", error, **values)


def _act(view: View) -> Response:
    deed = view.form.text("deed")
    try:
        if deed not in _DEEDS:
            raise NotFound("There is no such action", code="no-such-action")
        _DEEDS[deed](view)
    except BuswayError as error:
        return _list(view, error)
    return view.go("/projects", "deleted" if deed.startswith("delete") else "changed")


def _create_project(view: View) -> None:
    body = {"name": view.form.text("name"), "description": view.form.text("description")}
    view.do("POST", f"{_V3}/projects", {"project": body})


def _create_user(view: View) -> None:
    body = {"name": view.form.text("name"), "password": view.form.raw("password")}
    if view.form.text("project"):
        body["default_project_id"] = view.form.text("project")
    view.do("POST", f"{_V3}/users", {"user": body})


def _set_project(view: View) -> None:
    body = {"project": {"enabled": view.form.text("enabled") == "1"}}
    view.do("PATCH", f"{_V3}/projects/{{id}}", body, id=view.form.text("id"))


def _set_user(view: View) -> None:
    body = {"user": {"enabled": view.form.text("enabled") == "1"}}
    view.do("PATCH", f"{_V3}/users/{{id}}", body, id=view.form.text("id"))


def _grant(view: View) -> None:
    view.do("PUT", _GRANT, None, None, MAXIMUM, **_names(view))


def _revoke(view: View) -> None:
    view.do("DELETE", _GRANT, None, None, MAXIMUM, **_names(view))


def _names(view: View) -> dict[str, str]:
    return {name: view.form.text(name) for name in ("project", "user", "role")}


def _delete_project(view: View) -> None:
    view.do("DELETE", f"{_V3}/projects/{{id}}", id=view.form.text("id"))


def _delete_user(view: View) -> None:
    view.do("DELETE", f"{_V3}/users/{{id}}", id=view.form.text("id"))


_DEEDS = {
    "create-project": _create_project,
    "create-user": _create_user,
    "set-project": _set_project,
    "set-user": _set_user,
    "grant": _grant,
    "revoke": _revoke,
    "delete-project": _delete_project,
    "delete-user": _delete_user,
}

PAGES = (
    Page("GET", "/projects", _list, rule="identity:list_projects"),
    Page("POST", "/projects", _act, rule="identity:list_projects", hashes=True),
)
