"""Security groups and their rules, in Neutron's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.answers import GROUP, RULE, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.rows import Row, changed_reply, one, page_reply
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, as_int, closed
from busway.control.networks import security_group as use_cases
from busway.domain.errors import BadInput, NotSupported
from busway.domain.ids import ProjectId
from busway.domain.security_group import SecurityGroup, SecurityRule
from busway.store.security_group_list import GROUP_COLUMNS, RULE_COLUMNS, RULE_SORT_KEYS

ROOT = "/network/v2.0"
_COMMON = {"name": NAME, "description": NAME, "stateful": BOOLEAN}
_CREATE = Schema(
    closed(
        {"security_group": closed({**_COMMON, "tenant_id": PROJECT, "project_id": PROJECT}, "name")}, "security_group"
    )
)
_UPDATE = Schema(closed({"security_group": closed(_COMMON)}, "security_group"))
_NUMBER = {"type": ["integer", "string", "null"], "maxLength": 5}
_CREATE_RULE = Schema(
    closed(
        {
            "security_group_rule": closed(
                {
                    "security_group_id": UUID,
                    "direction": {"enum": ["ingress", "egress"]},
                    "ethertype": {"enum": ["IPv4", "IPv6", "ipv4", "ipv6", None]},
                    "protocol": {"type": ["string", "integer", "null"], "maxLength": 16},
                    "port_range_min": _NUMBER,
                    "port_range_max": _NUMBER,
                    "remote_ip_prefix": {"type": ["string", "null"], "maxLength": 49},
                    "remote_group_id": {"type": ["string", "null"], "maxLength": 36},
                    "remote_address_group_id": {"type": "null"},
                    "description": {"type": ["string", "null"], "maxLength": 255},
                    "tenant_id": PROJECT,
                    "project_id": PROJECT,
                },
                "security_group_id",
                "direction",
            )
        },
        "security_group_rule",
    )
)


def _group(group: SecurityGroup) -> Row:
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "stateful": True,
        "shared": False,
        "tenant_id": group.project_id,
        "project_id": group.project_id,
        "security_group_rules": [_rule(group.project_id, rule) for rule in group.rules],
        "tags": [],
        "revision_number": group.revision,
        "created_at": nova_time(group.created),
        "updated_at": nova_time(group.created),
    }


def _rule(project_id: ProjectId, rule: SecurityRule) -> Row:
    return {
        "id": rule.id,
        "security_group_id": rule.group_id,
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.remote_cidr,
        "remote_group_id": rule.remote_group,
        "remote_address_group_id": None,
        "normalized_cidr": rule.normalized_cidr,
        "description": rule.description,
        "tenant_id": project_id,
        "project_id": project_id,
        "tags": [],
        "revision_number": rule.revision,
        "created_at": nova_time(rule.created),
        "updated_at": nova_time(rule.created),
    }


def nova_group(group: SecurityGroup, names: Mapping[str, str] | None = None) -> dict[str, object]:
    """A group as the compute API shows it; `names` are those of the groups that its rules let in."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [
            {
                "id": rule.id,
                "parent_group_id": group.id,
                "ip_protocol": rule.protocol,
                "from_port": rule.port_min,
                "to_port": rule.port_max,
                "ip_range": {"cidr": rule.remote_cidr} if rule.remote_cidr else {},
                "group": {"tenant_id": group.project_id, "name": (names or {}).get(rule.remote_group, "")}
                if rule.remote_group
                else {},
            }
            for rule in group.rules
            if rule.direction == "ingress"
        ],
    }


def _list(call: Call) -> Reply:
    found = use_cases.list_groups(call.control, call.caller, network_filter(call, GROUP_COLUMNS))
    return page_reply(call, "security_groups", [_group(each) for each in found])


def _show(call: Call) -> Reply:
    return one(call, "security_group", [_group(use_cases.get_group(call.control, call.caller, call.path["id"]))])


def _create(call: Call) -> Reply:
    given = call.body["security_group"]
    _refuse(given)
    project = given.get("project_id") or given.get("tenant_id")
    made = use_cases.create_group(
        call.control, call.caller, given["name"], given.get("description", ""), ProjectId(project) if project else None
    )
    return Reply({"security_group": _group(made)}, 201)


def _update(call: Call) -> Reply:
    given = call.body["security_group"]
    _refuse(given)
    made = use_cases.update_group(
        call.control, call.caller, call.path["id"], name=given.get("name"), description=given.get("description")
    )
    return changed_reply(call, "security_group", _group(made))


def _delete(call: Call) -> Reply:
    use_cases.delete_group(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _list_rules(call: Call) -> Reply:
    wanted = network_filter(call, RULE_COLUMNS, sort_keys=RULE_SORT_KEYS)
    found = use_cases.list_rules(call.control, call.caller, wanted)
    return page_reply(call, "security_group_rules", [_rule(*each) for each in found])


def _show_rule(call: Call) -> Reply:
    found = use_cases.get_rule(call.control, call.caller, call.path["id"])
    return one(call, "security_group_rule", [_rule(*found)])


def _create_rule(call: Call) -> Reply:
    given = call.body["security_group_rule"]
    protocol = given.get("protocol")
    wanted = use_cases.NewRule(
        given["security_group_id"],
        given["direction"],
        {"ipv6": "IPv6"}.get((given.get("ethertype") or "IPv4").lower(), "IPv4"),
        None if protocol in (None, "any", "") else str(protocol).lower(),
        _number(given, "port_range_min"),
        _number(given, "port_range_max"),
        given.get("remote_ip_prefix") or None,
        given.get("remote_group_id"),
        given.get("description") or "",
        given.get("project_id") or given.get("tenant_id"),
    )
    group, rule = use_cases.create_rule(call.control, call.caller, wanted)
    return Reply({"security_group_rule": _rule(group.project_id, rule)}, 201)


def _delete_rule(call: Call) -> Reply:
    use_cases.delete_rule(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _number(given: dict[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value in (None, ""):
        return None
    try:
        return as_int(value, name, most=65535)
    except BadInput as error:
        raise BadInput(f"Invalid value for port {value}", detail=f"{error.brief}.", code=error.code) from error


def _refuse(given: dict[str, Any]) -> None:
    if "stateful" in given and not as_bool(given["stateful"], "stateful"):
        raise NotSupported("Security groups are always stateful", remedy="Omit stateful.", code="group-field")


_ONE = wrap("security_group", GROUP)
_ONE_RULE = wrap("security_group_rule", RULE)

OPERATIONS = (
    Operation(
        "GET", f"{ROOT}/security-groups", _list, rule="get_security_group", answer=listed("security_groups", GROUP)
    ),
    Operation(
        "GET", f"{ROOT}/security-groups/{{id}}", _show, rule="get_security_group", answer=shown("security_group", GROUP)
    ),
    Operation("POST", f"{ROOT}/security-groups", _create, body=_CREATE, rule="create_security_group", answer=_ONE),
    Operation(
        "PUT", f"{ROOT}/security-groups/{{id}}", _update, body=_UPDATE, rule="update_security_group", answer=_ONE
    ),
    Operation("DELETE", f"{ROOT}/security-groups/{{id}}", _delete, rule="delete_security_group"),
    Operation(
        "GET",
        f"{ROOT}/security-group-rules",
        _list_rules,
        rule="get_security_group_rule",
        answer=listed("security_group_rules", RULE),
    ),
    Operation(
        "GET",
        f"{ROOT}/security-group-rules/{{id}}",
        _show_rule,
        rule="get_security_group_rule",
        answer=shown("security_group_rule", RULE),
    ),
    Operation(
        "POST",
        f"{ROOT}/security-group-rules",
        _create_rule,
        body=_CREATE_RULE,
        rule="create_security_group_rule",
        answer=_ONE_RULE,
    ),
    Operation("DELETE", f"{ROOT}/security-group-rules/{{id}}", _delete_rule, rule="delete_security_group_rule"),
)
