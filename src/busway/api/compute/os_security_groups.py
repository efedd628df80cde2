"""The compute API's security groups, up to 2.35; the network API has more details."""

from __future__ import annotations

from dataclasses import replace

from busway.api.answer import wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.answers import SECURITY_GROUP, SECURITY_GROUP_RULE
from busway.api.compute.links import limit_of
from busway.api.network.security_groups import nova_group
from busway.api.operation import Operation
from busway.api.schema import FLAG, PAGE, UUID, Schema, as_int, closed, wrapped
from busway.control.networks import security_group as use_cases
from busway.control.networks.security_group import NewRule
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.security_group import SecurityGroup, SecurityRule

ROOT, RULES = "/compute/v2.1/os-security-groups", "/compute/v2.1/os-security-group-rules"
_LAST = 35
_TEXT = {"type": "string", "maxLength": 255}
_GROUP = wrapped("security_group", closed({"name": {**_TEXT, "minLength": 1}, "description": _TEXT}, "name"))
_NUMBER = {"type": ["integer", "string", "null"], "maxLength": 10}
_NEW_RULE = Schema(
    closed(
        {
            "security_group_rule": closed(
                {
                    "parent_group_id": UUID,
                    "ip_protocol": {"type": ["string", "null"], "maxLength": 16},
                    "from_port": _NUMBER,
                    "to_port": _NUMBER,
                    "cidr": {"type": ["string", "null"], "maxLength": 43},
                    "group_id": {"type": ["string", "null"], "maxLength": 36},
                },
                "parent_group_id",
            )
        },
        "security_group_rule",
    )
)


def _rows(call: Call) -> list[SecurityGroup]:
    everybody = call.flag("all_tenants") and call.caller.is_admin
    found = use_cases.list_groups(call.control, call.caller)
    return [group for group in found if everybody or group.project_id == call.caller.project_id]


def _list(call: Call) -> Reply:
    start = call.number("offset") or 0
    page, names = _rows(call)[start : start + limit_of(call)], _names(call)
    return Reply({"security_groups": [nova_group(group, names) for group in page]})


def _find(call: Call) -> SecurityGroup:
    found = use_cases.list_groups(call.control, call.caller)
    for group in found:
        if group.id == call.path["id"]:
            return group
    raise NotFound(f"Security group {call.path['id']} not found.", code="security-group-not-found")


def _show(call: Call) -> Reply:
    return Reply({"security_group": nova_group(_find(call), _names(call))})


def _create(call: Call) -> Reply:
    given = call.body["security_group"]
    made = use_cases.create_group(call.control, call.caller, given["name"], given.get("description", ""))
    return Reply({"security_group": nova_group(made)})


def _update(call: Call) -> Reply:
    given = call.body["security_group"]
    made = use_cases.update_group(
        call.control, call.caller, call.path["id"], name=given["name"], description=given.get("description")
    )
    return Reply({"security_group": nova_group(made)})


def _delete(call: Call) -> Reply:
    try:
        use_cases.delete_group(call.control, call.caller, call.path["id"])
    except Conflict as error:
        raise _as_nova(error) from error
    return ACCEPTED


def _create_rule(call: Call) -> Reply:
    given = call.body["security_group_rule"]
    cidr = None if given.get("group_id") else given.get("cidr") or "0.0.0.0/0"
    wanted = NewRule(
        given["parent_group_id"],
        "ingress",
        "IPv6" if cidr and ":" in cidr else "IPv4",
        (given.get("ip_protocol") or "").lower() or None,
        _port(given.get("from_port"), "from_port"),
        _port(given.get("to_port"), "to_port"),
        cidr,
        given.get("group_id"),
    )
    try:
        group, rule = use_cases.create_rule(call.control, call.caller, wanted)
    except Conflict as error:
        raise _as_nova(error) from error
    return Reply({"security_group_rule": _rule(group, rule, _names(call))})


def _as_nova(error: Conflict) -> BadInput:
    """Nova answers 400 where Neutron has 409."""
    return BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code)


def _names(call: Call) -> dict[str, str]:
    """The names of the groups that rules may name."""
    return {group.id: group.name for group in use_cases.list_groups(call.control, call.caller)}


def _port(value: object, name: str) -> int | None:
    """A port or ICMP type; Nova's -1 is any."""
    if value is None or value == "":
        return None
    number = as_int(value, name, least=-1, most=65535)
    return None if number == -1 else number


def _rule(group: SecurityGroup, rule: SecurityRule, names: dict[str, str]) -> object:
    rows = nova_group(replace(group, rules=(rule,)), names)["rules"]
    assert isinstance(rows, list)
    return rows[0]


def _delete_rule(call: Call) -> Reply:
    use_cases.delete_rule(call.control, call.caller, call.path["id"])
    return ACCEPTED


_API = "os_compute_api:os-security-groups:"
_QUERY = {"limit": PAGE["limit"], "offset": PAGE["limit"], "all_tenants": FLAG}
_ONE = wrap("security_group", SECURITY_GROUP)
OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        until=_LAST,
        query=_QUERY,
        rule=f"{_API}get",
        answer=wrap_list("security_groups", SECURITY_GROUP),
    ),
    Operation("POST", ROOT, _create, _GROUP, until=_LAST, rule=f"{_API}create", answer=_ONE),
    Operation("GET", f"{ROOT}/{{id}}", _show, until=_LAST, rule=f"{_API}show", answer=_ONE),
    Operation("PUT", f"{ROOT}/{{id}}", _update, _GROUP, until=_LAST, rule=f"{_API}update", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, until=_LAST, rule=f"{_API}delete"),
    Operation(
        "POST",
        RULES,
        _create_rule,
        _NEW_RULE,
        until=_LAST,
        rule=f"{_API}rule:create",
        answer=wrap("security_group_rule", SECURITY_GROUP_RULE),
    ),
    Operation("DELETE", f"{RULES}/{{id}}", _delete_rule, until=_LAST, rule=f"{_API}rule:delete"),
)
