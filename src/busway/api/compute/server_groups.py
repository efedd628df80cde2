"""Server groups: affinity and anti-affinity of servers, hard and soft."""

from __future__ import annotations

from typing import Any

from busway.api.answer import NUMBER, TEXT, array, mapping, optional, shape, wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.compute.links import STRICT, limit_of
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import COUNT, FLAG, NAME, as_int, closed, wrapped
from busway.control import groups
from busway.domain.server_group import Group, GroupPolicy

ROOT = "/compute/v2.1/os-server-groups"

_HARD = [str(policy) for policy in GroupPolicy if not policy.is_soft]
_ALL = [str(policy) for policy in GroupPolicy]


def _listed(policies: list[str]) -> dict[str, Any]:
    one = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"enum": policies}}
    return closed({"name": NAME, "policies": one}, "name", "policies")


_RULES = closed(
    {
        "max_server_per_host": {
            "type": ["integer", "string"],
            "pattern": "^[1-9][0-9]{0,8}$",
            "minimum": 1,
            "maximum": 0x7FFFFFFF,
        }
    }
)
CREATE = {
    1: wrapped("server_group", _listed(_HARD)),
    15: wrapped("server_group", _listed(_ALL)),
    64: wrapped("server_group", closed({"name": NAME, "policy": {"enum": _ALL}, "rules": _RULES}, "name", "policy")),
}


def _rules(group: Group, _call: Call) -> dict[str, int]:
    return {} if group.max_per_host is None else {"max_server_per_host": group.max_per_host}


_FIELDS: tuple[Field[Group], ...] = (
    Field("id", lambda group, _: group.id, TEXT),
    Field("name", lambda group, _: group.name, TEXT),
    Field("policies", lambda group, _: [str(group.policy)], array(TEXT), until=63),
    Field("policy", lambda group, _: str(group.policy), TEXT, since=64),
    Field("rules", _rules, shape({"max_server_per_host": optional(NUMBER)}), since=64),
    Field("members", lambda group, _: list(group.members), array(TEXT)),
    Field("metadata", fixed({}), mapping(TEXT), until=63),
    Field("project_id", lambda group, _: group.project_id, TEXT, since=13),
    Field("user_id", lambda group, _: group.user_id, TEXT, since=13),
)


def _list(call: Call) -> Reply:
    found = groups.list_groups(
        call.control,
        call.caller,
        all_projects=call.flag("all_projects"),
        offset=call.number("offset") or 0,
        limit=limit_of(call),
    )
    return Reply({"server_groups": [render(_FIELDS, each, call) for each in found]})


def _show(call: Call) -> Reply:
    return Reply({"server_group": render(_FIELDS, groups.get_group(call.control, call.caller, call.path["id"]), call)})


def _create(call: Call) -> Reply:
    given = call.body["server_group"]
    policy = GroupPolicy(given["policy"] if call.version >= 64 else given["policies"][0])
    most = given.get("rules", {}).get("max_server_per_host")
    limit = None if most is None else as_int(most, "max_server_per_host", least=1)
    made = groups.create_group(call.control, call.caller, given["name"], policy, limit)
    return Reply({"server_group": render(_FIELDS, made, call)})


def _delete(call: Call) -> Reply:
    groups.delete_group(call.control, call.caller, call.path["id"])
    return NO_CONTENT


_GROUP = shape_of(_FIELDS, "server-group")

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query={"limit": COUNT, "offset": COUNT, "all_projects": FLAG},
        strict=STRICT,
        rule="os_compute_api:os-server-groups:index",
        answer=wrap_list("server_groups", _GROUP),
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        CREATE,
        rule="os_compute_api:os-server-groups:create",
        answer=wrap("server_group", _GROUP),
    ),
    Operation(
        "GET", f"{ROOT}/{{id}}", _show, rule="os_compute_api:os-server-groups:show", answer=wrap("server_group", _GROUP)
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="os_compute_api:os-server-groups:delete"),
)
