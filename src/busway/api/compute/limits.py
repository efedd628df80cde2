"""Limits and quotas: generous and static, for Busway's limit is what the hosts have."""

from __future__ import annotations

from collections.abc import Sequence

from busway.api.call import Call, Reply
from busway.api.fields import Field, fixed, render
from busway.api.microversion import MAXIMUM
from busway.api.operation import Operation
from busway.control import servers
from busway.domain.errors import NotSupported
from busway.domain.requests import ServerFilter
from busway.domain.server import Server

_ROOT = "/compute/v2.1"
_UNLIMITED = -1
# Name and the last microversion at which it exists.
_QUOTAS = (
    ("instances", 999),
    ("cores", 999),
    ("ram", 999),
    ("key_pairs", 999),
    ("metadata_items", 999),
    ("server_groups", 999),
    ("server_group_members", 999),
    ("injected_files", 56),
    ("injected_file_content_bytes", 56),
    ("injected_file_path_bytes", 56),
    ("fixed_ips", 35),
    ("floating_ips", 35),
    ("security_groups", 35),
    ("security_group_rules", 35),
)

_Used = Sequence[Server]


def _same(name: str, value: int, until: int = MAXIMUM) -> Field[_Used]:
    return Field(name, fixed(value), until=until)


_ABSOLUTE: tuple[Field[_Used], ...] = (
    *(
        _same(name, _UNLIMITED)
        for name in (
            "maxTotalInstances",
            "maxTotalCores",
            "maxTotalRAMSize",
            "maxTotalKeypairs",
            "maxServerMeta",
            "maxServerGroups",
            "maxServerGroupMembers",
        )
    ),
    Field("totalInstancesUsed", lambda used, _: len(used)),
    Field("totalCoresUsed", lambda used, _: sum(server.flavor.vcpus for server in used)),
    Field("totalRAMUsed", lambda used, _: sum(server.flavor.ram_mb for server in used)),
    Field("totalServerGroupsUsed", fixed(0)),
    Field("maxImageMeta", fixed(_UNLIMITED), until=38),
    Field("maxPersonality", fixed(0), until=56),
    Field("maxPersonalitySize", fixed(0), until=56),
    *(
        _same(name, 0 if name.endswith("Used") else _UNLIMITED, until=35)
        for name in (
            "maxTotalFloatingIps",
            "maxSecurityGroups",
            "maxSecurityGroupRules",
            "totalFloatingIpsUsed",
            "totalSecurityGroupsUsed",
        )
    ),
)


def _limits(call: Call) -> Reply:
    used = servers.list_servers(call.control, call.caller, ServerFilter())
    return Reply({"limits": {"rate": [], "absolute": render(_ABSOLUTE, used, call)}})


def _names(call: Call) -> list[str]:
    return [name for name, until in _QUOTAS if call.version <= until]


def _quota(call: Call) -> Reply:
    return Reply({"quota_set": {"id": call.path["project"], **dict.fromkeys(_names(call), _UNLIMITED)}})


def _quota_detail(call: Call) -> Reply:
    rows = {name: {"limit": _UNLIMITED, "in_use": 0, "reserved": 0} for name in _names(call)}
    return Reply({"quota_set": {"id": call.path["project"], **rows}})


def _no_change(_call: Call) -> Reply:
    raise NotSupported("Quotas can't be changed", detail="Every project may use what the hosts have.", code="quotas")


OPERATIONS = (
    Operation("GET", f"{_ROOT}/limits", _limits),
    Operation("GET", f"{_ROOT}/os-quota-sets/{{project}}", _quota),
    Operation("GET", f"{_ROOT}/os-quota-sets/{{project}}/defaults", _quota),
    Operation("GET", f"{_ROOT}/os-quota-sets/{{project}}/detail", _quota_detail),
    Operation("PUT", f"{_ROOT}/os-quota-sets/{{project}}", _no_change),
    Operation("DELETE", f"{_ROOT}/os-quota-sets/{{project}}", _no_change),
)
