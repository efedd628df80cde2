"""Security groups: each project has `default`, which lets everything through, for Busway filters no packets."""

from __future__ import annotations

import uuid

from busway.api.call import Call, Reply
from busway.api.network.rows import Row, listing, one, read_only, write_rule
from busway.api.operation import Operation

ROOT = "/network/v2.0"
_SPACE = uuid.UUID("6f0f3a0e-6d5a-4a57-9b53-0f7b3a5f5d0c")


def group_id(project_id: str) -> str:
    """The id of a project's default group, the same for ever."""
    return str(uuid.uuid5(_SPACE, project_id))


def _rules(project: str) -> list[Row]:
    return [
        {
            "id": str(uuid.uuid5(_SPACE, f"{project}/{direction}/{ethertype}")),
            "security_group_id": group_id(project),
            "direction": direction,
            "ethertype": ethertype,
            "protocol": None,
            "port_range_min": None,
            "port_range_max": None,
            "remote_ip_prefix": None,
            "remote_group_id": None,
            "remote_address_group_id": None,
            "description": "Everything passes",
            "tenant_id": project,
            "project_id": project,
        }
        for direction in ("ingress", "egress")
        for ethertype in ("IPv4", "IPv6")
    ]


def _groups(call: Call) -> list[Row]:
    project = call.caller.project_id
    return [
        {
            "id": group_id(project),
            "name": "default",
            "description": "Lets everything through: Busway does not filter packets",
            "stateful": True,
            "shared": False,
            "tenant_id": project,
            "project_id": project,
            "security_group_rules": _rules(project),
            "tags": [],
            "revision_number": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }
    ]


def _list(call: Call) -> Reply:
    return listing(call, "security_groups", _groups(call))


def _show(call: Call) -> Reply:
    return one(call, "security_group", _groups(call))


def _list_rules(call: Call) -> Reply:
    return listing(call, "security_group_rules", _rules(call.caller.project_id))


def _show_rule(call: Call) -> Reply:
    return one(call, "security_group_rule", _rules(call.caller.project_id))


OPERATIONS = (
    Operation("GET", f"{ROOT}/security-groups", _list, rule="get_security_group"),
    Operation("GET", f"{ROOT}/security-groups/{{id}}", _show, rule="get_security_group"),
    Operation("GET", f"{ROOT}/security-group-rules", _list_rules, rule="get_security_group_rule"),
    Operation("GET", f"{ROOT}/security-group-rules/{{id}}", _show_rule, rule="get_security_group_rule"),
    *(
        Operation(method, f"{ROOT}/{path}", read_only, rule=write_rule(method, kind))
        for kind in ("security-groups", "security-group-rules")
        for method, path in (("POST", kind), ("PUT", f"{kind}/{{id}}"), ("DELETE", f"{kind}/{{id}}"))
    ),
)
