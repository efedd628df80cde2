"""Projects: a tree below each domain."""

from __future__ import annotations

from collections.abc import Sequence

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, OPTIONS, TEXT, changes_of, check_id, extra_of, options_of
from busway.api.identity.domains import TAGS, make_domain
from busway.api.identity.listing import IN_DOMAIN, NAME, flag, in_asked_domain, links, name_like, only, words
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, FLAG, PAGE, WORD, Definition, as_bool, open_object, wrapped
from busway.control.identity import domains, projects
from busway.domain.errors import BadInput
from busway.domain.identity import Project
from busway.domain.ids import ProjectId
from busway.store.projects import ProjectFilter

ROOT = "/identity/v3/projects"
_TREE = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"},
    "description": TEXT,
    "enabled": BOOLEAN,
    "domain_id": ID_OR_NONE,
    "parent_id": ID_OR_NONE,
    "is_domain": BOOLEAN,
    "options": OPTIONS,
    "tags": TAGS,
}
_CREATE = wrapped("project", open_object(_FIELDS, "name"))
_UPDATE = wrapped("project", open_object(_FIELDS))
_TAG_FILTERS: Definition = dict.fromkeys(("tags", "tags-any", "not-tags", "not-tags-any"), WORD)
_QUERY: Definition = {
    **PAGE,
    **_TAG_FILTERS,
    **NAME,
    "enabled": FLAG,
    "domain_id": WORD,
    "parent_id": WORD,
    "is_domain": FLAG,
}
_SHOW: Definition = {**IN_DOMAIN, **dict.fromkeys(_TREE, FLAG)}


def project_body(call: Call, project: Project) -> dict[str, object]:
    """A project, or a domain as one, as the identity API shows it."""
    return {
        **project.extra,
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "enabled": project.enabled,
        "domain_id": project.domain_id or None,
        "parent_id": project.parent_id,
        "is_domain": project.is_domain,
        "tags": list(project.tags),
        "options": dict(project.options),
        "links": {"self": call.url(f"{ROOT}/{project.id}")},
    }


def listed(call: Call, path: str, found: Sequence[Project]) -> Reply:
    """A list of projects with its links."""
    rows = [project_body(call, each) for each in found]
    return Reply({"projects": rows, "links": links(call, path, [each.id for each in found])})


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    wanted = ProjectFilter(
        name=call.text("name"),
        enabled=flag(call, "enabled"),
        domain_id=call.text("domain_id"),
        parent_id=call.text("parent_id"),
        is_domain=call.flag("is_domain"),
        tags=words(call, "tags"),
        tags_any=words(call, "tags-any"),
        not_tags=words(call, "not-tags"),
        not_tags_any=words(call, "not-tags-any"),
        limit=call.number("limit"),
        marker=call.text("marker"),
        name_like=name_like(call),
    )
    return listed(call, ROOT, projects.list_projects(call.control, call.caller, wanted))


def _list_own(call: Call) -> Reply:
    only(call, {})
    return listed(call, "/identity/v3/auth/projects", projects.list_own_projects(call.control, call.caller))


def _show(call: Call) -> Reply:
    only(call, _SHOW)
    asked = {name for name in _TREE if call.flag(name)}
    for kind in ("parents", "subtree"):
        if {f"{kind}_as_list", f"{kind}_as_ids"} <= asked:
            raise BadInput(f"Use either {kind}_as_list or {kind}_as_ids", code="tree-twice")
    project = projects.get_project(call.control, call.caller, call.path["id"])
    in_asked_domain(call, "project", project.domain_id)
    body = project_body(call, project)
    if asked & {"parents_as_list", "parents_as_ids"}:
        above = projects.list_parents(call.control, project)
        body["parents"] = _chain(above) if "parents_as_ids" in asked else _seen(call, above)
    if asked & {"subtree_as_list", "subtree_as_ids"}:
        below = projects.list_subtree(call.control, project)
        body["subtree"] = _nested(project.id, below) if "subtree_as_ids" in asked else _seen(call, below)
    return Reply({"project": body})


def _seen(call: Call, found: Sequence[Project]) -> list[dict[str, object]]:
    """The projects in which the caller has a role, as in Keystone."""
    own_ids = projects.own_ids(call.control, call.caller)
    return [{"project": project_body(call, each)} for each in found if each.id in own_ids]


def _chain(above: Sequence[Project]) -> dict[str, object] | None:
    nested: dict[str, object] | None = None
    for each in reversed(above):
        nested = {each.id: nested}
    return nested


def _nested(project_id: str, below: Sequence[Project]) -> dict[str, object] | None:
    children = [each for each in below if each.parent_id == project_id]
    return {each.id: _nested(each.id, below) for each in children} or None


def _create(call: Call) -> Reply:
    given = call.body["project"]
    if as_bool(given.get("is_domain", False), "is_domain"):
        if given.get("parent_id") or given.get("domain_id"):
            raise BadInput("A domain has no parent and is in no domain", remedy="Leave them out.", code="is-a-domain")
        return Reply({"project": project_body(call, make_domain(call, given))}, 201)
    project = Project(
        ProjectId(""),
        **changes_of(given, "name", "description", "enabled"),
        options=options_of(given),
        tags=tuple(given.get("tags", ())),
        extra=extra_of(given, _FIELDS, "id"),
    )
    made = projects.create_project(call.control, call.caller, project, given.get("parent_id"), given.get("domain_id"))
    return Reply({"project": project_body(call, made)}, 201)


def _update(call: Call) -> Reply:
    given = dict(call.body["project"])
    check_id(given, call.path["id"])
    changes = changes_of(given, *_FIELDS)
    if "tags" in changes:
        changes["tags"] = tuple(changes["tags"])
    if "is_domain" in changes:
        changes["is_domain"] = as_bool(changes["is_domain"], "is_domain")
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    change = domains.update_domain if _is_domain(call) else projects.update_project
    return Reply({"project": project_body(call, change(call.control, call.caller, call.path["id"], changes))})


def _delete(call: Call) -> Reply:
    delete = domains.delete_domain if _is_domain(call) else projects.delete_project
    delete(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _is_domain(call: Call) -> bool:
    """True for a domain under its other name, a project that is one: the rules of domains hold for it."""
    return projects.get_project(call.control, call.caller, call.path["id"], call.rule).is_domain


OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/auth/projects",
        _list_own,
        rule="identity:get_auth_projects",
        answer=answers.listed("projects", answers.PROJECT),
    ),
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_projects",
        answer=answers.listed("projects", answers.PROJECT),
    ),
    Operation("POST", ROOT, _create, _CREATE, rule="identity:create_project", answer=wrap("project", answers.PROJECT)),
    Operation(
        "GET",
        f"{ROOT}/{{id}}",
        _show,
        query=_SHOW,
        rule="identity:get_project",
        answer=wrap("project", answers.PROJECT),
    ),
    Operation(
        "PATCH",
        f"{ROOT}/{{id}}",
        _update,
        _UPDATE,
        rule="identity:update_project",
        answer=wrap("project", answers.PROJECT),
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_project"),
)
