"""What Neutron has in extensions that Busway does not have: their paths are 404, as those of an extension that is not loaded."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.domain.errors import NotFound

ROOT = "/network/v2.0"
_ALONE = "Use networks, subnets, ports and security groups alone."
# By path: the extension, the rule of its things, why they are not there, and what to do.
_ABSENT: dict[str, tuple[str, str, str, str]] = {
    "routers": (
        "router", "router",
        "A network of type local reaches the outside through its host, one of type flat or vlan through the bridge.", _ALONE,
    ),
    "floatingips": (
        "router", "floatingip",
        "A server that is to be reached from outside has a port on a network of type flat or vlan.", _ALONE,
    ),
    "agents": ("agent", "", "Each host has one agent for everything.", "List the hosts: busway host list."),
    "subnetpools": ("subnet_allocation", "subnetpool", "Projects choose within [busway] project_cidr.", "Give a cidr."),
    "address-groups": ("address-group", "address_group", "", "Use remote_ip_prefix or remote_group_id in a rule."),
    "rbac-policies": ("rbac-policies", "rbac_policy", "A network is its project's or shared with all.", "Use --share."),
    "trunks": ("trunk", "trunk", "", "Give a server several ports."),
    "segments": ("segment", "", "A network is one segment.", "Read its provider:segmentation_id."),
}  # fmt: skip


def _refusal(path: str) -> NotFound:
    extension, _thing, detail, remedy = _ABSENT[path]
    return NotFound(
        f"The resource could not be found: there are no {path}, the extension {extension} is not loaded",
        detail=detail,
        remedy=remedy,
        code="extension-not-loaded",
    )


def _absent(path: str) -> tuple[Operation, ...]:
    def refuse(_call: Call) -> Reply:
        raise _refusal(path)

    thing = _ABSENT[path][1]
    writes = ("POST", path, "create"), ("PUT", f"{path}/{{id}}", "update"), ("DELETE", f"{path}/{{id}}", "delete")
    reads = ("GET", path, "get"), ("GET", f"{path}/{{id}}", "get")
    known = reads + (writes if thing in ("router", "floatingip") else ())
    return tuple(
        Operation(method, f"{ROOT}/{where}", refuse, rule=f"{verb}_{thing}" if thing else "get_extensions")
        for method, where, verb in known
    )


OPERATIONS = tuple(operation for path in _ABSENT for operation in _absent(path))
