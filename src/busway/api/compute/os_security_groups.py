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
from busway.domain.errors import BadInput, Conflict
from busway.domain.provider import is_uuid
from busway.store.network_list import NetworkFilter

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


def _list(call: Call) -> Reply:
    everybody = call.flag("all_tenants") and call.caller.is_admin
    owner = None if everybody else call.caller.project_id
    wanted = NetworkFilter(project_id=owner, limit=limit_of(call), offset=call.number("offset") or 0)
    page = use_cases.list_groups(call.control, call.caller, wanted)
    names = use_cases.remote_names(call.control, page)
    return Reply({"security_groups": [nova_group(group, names) for group in page]})


def _id(call: Call) -> str:
    """The id in the path; raises `BadInput` for one that is no UUID, as Nova does, where the network API has 404."""
    group_id = call.path["id"]
    if not is_uuid(group_id):
        raise BadInput(
            "Security group id should be uuid",
            detail=f"'{group_id}' is none.",
            remedy="Find it by its name: openstack security group list",
            code="security-group-id",
        )
    return group_id


def _show(call: Call) -> Reply:
    found = use_cases.get_group(call.control, call.caller, _id(call))
    return Reply({"security_group": nova_group(found, use_cases.remote_names(call.control, [found]))})


def _create(call: Call) -> Reply:
    given = call.body["security_group"]
    made = use_cases.create_group(call.control, call.caller, given["name"], given.get("description", ""))
    return Reply({"security_group": nova_group(made)})


def _update(call: Call) -> Reply:
    given = call.body["security_group"]
    made = use_cases.update_group(
        call.control, call.caller, _id(call), name=given["name"], description=given.get("description")
    )
    return Reply({"security_group": nova_group(made)})


def _delete(call: Call) -> Reply:
    try:
        use_cases.delete_group(call.control, call.caller, _id(call))
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
    made = replace(group, rules=(rule,))
    rows = nova_group(made, use_cases.remote_names(call.control, [made]))["rules"]
    assert isinstance(rows, list)
    return Reply({"security_group_rule": rows[0]})


def _as_nova(error: Conflict) -> BadInput:
    """Nova answers 400 where Neutron has 409."""
    return BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code)


def _port(value: object, name: str) -> int | None:
    """A port or ICMP type; Nova's -1 is any."""
    if value is None or value == "":
        return None
    number = as_int(value, name, least=-1, most=65535)
    return None if number == -1 else number


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
