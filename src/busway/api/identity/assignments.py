"""Who has which role where: as it was given, or what everybody has by that."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.identity import answers
from busway.api.identity.listing import flag, links, only
from busway.api.operation import Operation
from busway.api.schema import FLAG, WORD, Definition
from busway.control.identity import grants
from busway.domain.assignment import Actor, Assignment, Place
from busway.domain.errors import BadInput
from busway.store.assignment_list import AssignmentFilter, Name, NamedAssignment

_PATH = "/identity/v3/role_assignments"
_INHERITED = "scope.OS-INHERIT:inherited_to"
_QUERY: Definition = {
    **dict.fromkeys(("user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id"), WORD),
    "scope.system": WORD,
    _INHERITED: {"type": "string", "enum": ["projects"]},
    "effective": FLAG,
    "include_names": FLAG,
    "include_subtree": FLAG,
}


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    wanted = _filter(call)
    found = grants.list_assignments(call.control, call.caller, wanted)
    names = call.flag("include_names")
    return Reply({"role_assignments": [_row(call, each, names=names) for each in found], "links": links(call, _PATH)})


def _filter(call: Call) -> AssignmentFilter:
    inherited = call.text(_INHERITED)
    if inherited not in (None, "projects"):
        raise BadInput(f"Nothing is inherited to {inherited}", remedy="Use projects.", code="assignment-filter")
    system = call.text("scope.system")
    if system not in (None, "all"):
        raise BadInput(f"There is no part {system} of the system", remedy="Use all.", code="assignment-filter")
    wanted = AssignmentFilter(
        user_id=call.text("user.id"),
        group_id=call.text("group.id"),
        project_id=call.text("scope.project.id"),
        domain_id=call.text("scope.domain.id"),
        is_system=system is not None,
        role_id=call.text("role.id"),
        inherited=True if inherited else None,
        effective=bool(flag(call, "effective")),
        with_subtree=bool(flag(call, "include_subtree")),
    )
    _check(wanted)
    return wanted


def _check(wanted: AssignmentFilter) -> None:
    """Refuses what no assignment can be, as Keystone does."""
    pairs = (
        ("user.id and group.id", wanted.user_id and wanted.group_id),
        ("scope.project.id and scope.domain.id", wanted.project_id and wanted.domain_id),
        ("scope.system and another scope", wanted.is_system and (wanted.project_id or wanted.domain_id)),
        ("effective and group.id", wanted.effective and wanted.group_id),
        (f"effective and {_INHERITED}", wanted.effective and wanted.inherited),
    )
    for name, both in pairs:
        if both:
            raise BadInput(f"No assignment has {name} at once", remedy="Leave one out.", code="assignment-filter")
    if wanted.with_subtree and not wanted.project_id:
        raise BadInput("include_subtree needs scope.project.id", remedy="Name the project.", code="assignment-filter")


def _row(call: Call, found: NamedAssignment, *, names: bool) -> dict[str, object]:
    given = found.assignment
    role: dict[str, object] = {"id": given.role_id, **(_plain(found.role) if names else {})}
    if names and found.role.domain_id:
        role["domain"] = _domain(found.role)
    return {
        "role": role,
        str(given.actor): {"id": given.actor_id, **(_named(found.actor) if names else {})},
        "scope": _scope(found, names=names),
        "links": _links(call, found),
    }


def _scope(found: NamedAssignment, *, names: bool) -> dict[str, object]:
    given = found.assignment
    if given.place is Place.SYSTEM:
        return {"system": {"all": True}}
    shown: dict[str, object] = {"id": given.place_id}
    if names:
        shown |= _named(found.place) if given.place is Place.PROJECT else _plain(found.place)
    scope: dict[str, object] = {str(given.place): shown}
    if given.inherited or found.source is not None:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return scope


def _plain(name: Name) -> dict[str, object]:
    return {"name": name.name}


def _named(name: Name) -> dict[str, object]:
    return {"name": name.name, "domain": _domain(name)}


def _domain(name: Name) -> dict[str, object]:
    return {"id": name.domain_id, "name": name.domain_name}


def _links(call: Call, found: NamedAssignment) -> dict[str, str]:
    """Where the assignment is that was given, and what makes of it what somebody has."""
    given = found.assignment
    role = found.prior_id or given.role_id
    actor, actor_id = (Actor.GROUP, found.group_id) if found.group_id else (given.actor, given.actor_id)
    shown = found.source or Assignment(actor, actor_id, given.place, given.place_id, role, inherited=given.inherited)
    made = {"assignment": call.url(_path(shown))}
    if found.group_id:
        made["membership"] = call.url(f"/identity/v3/groups/{found.group_id}/users/{given.actor_id}")
    if found.prior_id:
        made["prior_role"] = call.url(f"/identity/v3/roles/{found.prior_id}/implies/{given.role_id}")
    return made


def _path(given: Assignment) -> str:
    """Where an assignment is shown."""
    place = "system" if given.place is Place.SYSTEM else f"{given.place}s/{given.place_id}"
    path = f"{place}/{given.actor}s/{given.actor_id}/roles/{given.role_id}"
    return f"/identity/v3/OS-INHERIT/{path}/inherited_to_projects" if given.inherited else f"/identity/v3/{path}"


OPERATIONS = (
    Operation(
        "GET",
        _PATH,
        _list,
        query=_QUERY,
        rule="identity:list_role_assignments",
        answer=answers.listed("role_assignments", answers.ASSIGNMENT),
    ),
)
