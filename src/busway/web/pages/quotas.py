"""Quotas: what a project may have and has, and its limits."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.identity.projects import list_projects
from busway.control.quotas import get_quota
from busway.domain.errors import BuswayError
from busway.web.page import Page, View

_QUOTA = "/busway/v1/quota"


def _show(view: View, error: BuswayError | None = None) -> Response:
    project = view.query("project") or view.caller.project_id
    projects = list_projects(view.control, view.caller) if view.may("identity:list_projects") else []
    project = project or (projects[0].id if projects else "")
    quota = get_quota(view.control, view.caller, project)
    resources = [
        (name, quota.used.get(name, 0), quota.limits.get(name, -1)) for name in sorted({*quota.limits, *quota.used})
    ]
    return view.render("quotas.html", error, project=project, projects=projects, resources=resources)


def _change(view: View) -> Response:
    project = view.query("project")
    try:
        if view.form.text("deed") == "reset":
            view.do("DELETE", _QUOTA, query={"project": project})
        else:
            limits = {view.form.text("resource"): view.form.number("limit")}
            view.do("PUT", _QUOTA, {"limits": limits}, query={"project": project})
    except BuswayError as error:
        return _show(view, error)
    return view.go(f"/quotas?project={project}", "changed")


PAGES = (
    Page("GET", "/quotas", _show, rule="busway:quota:show"),
    Page("POST", "/quotas", _change, rule="busway:quota:show"),
)
