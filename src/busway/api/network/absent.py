"""What Neutron has in extensions that Busway does not have: their paths are 404, as those of an extension that is not loaded."""

from __future__ import annotations

from functools import wraps

from busway.api.call import Call, Reply
from busway.api.operation import Handler, Operation
from busway.control.context import Control
from busway.domain.errors import NotFound

ROOT = "/network/v2.0"
# By path: the extension, the rule of its things, why they are not there, and what to do.
_ABSENT: dict[str, tuple[str, str, str, str]] = {
    "agents": ("agent", "", "Each host has one agent for everything.", "List the hosts: busway host list."),
    "subnetpools": ("subnet_allocation", "subnetpool", "Projects choose within [busway] project_cidr.", "Give a cidr."),
    "address-groups": ("address-group", "address_group", "", "Use remote_ip_prefix or remote_group_id in a rule."),
    "rbac-policies": ("rbac-policies", "rbac_policy", "A network is its project's or shared with all.", "Use --share."),
    "segments": ("segment", "", "A network is one segment.", "Read its provider:segmentation_id."),
}  # fmt: skip


def with_routers(handler: Handler) -> Handler:
    """A handler of routers or floating addresses: without OVN their extension is not loaded, which is the answer."""

    @wraps(handler)
    def handle(call: Call) -> Reply:
        require_routers(call.control)
        return handler(call)

    return handle


def require_routers(control: Control) -> None:
    """Raises `NotFound` where there are neither routers nor floating addresses."""
    if not has_routers(control):
        raise NotFound(
            "The resource could not be found: there are no routers and there are no floatingips, the extension router is not loaded",
            detail="Routers are OVN's, and [ovn] ovn_nb_connection is not set. A network of type local reaches the outside "
            "through its host, one of type flat or vlan through the bridge.",
            remedy="Use networks, subnets, ports and security groups alone, or ask an admin to set up OVN.",
            code="extension-not-loaded",
        )


def with_trunks(handler: Handler) -> Handler:
    """A handler of trunks: OVN carries their ports, so without it their extension is not loaded."""

    @wraps(handler)
    def handle(call: Call) -> Reply:
        if not has_trunks(call.control):
            raise NotFound(
                "The resource could not be found: there are no trunks, the extension trunk is not loaded",
                detail="OVN carries the ports of trunks, and [ovn] ovn_nb_connection is not set.",
                remedy="Give a server several ports, or ask an admin to set up OVN.",
                code="extension-not-loaded",
            )
        return handler(call)

    return handle


def has_trunks(control: Control) -> bool:
    """True where there can be trunks: with OVN."""
    return control.northbound is not None


def has_routers(control: Control) -> bool:
    """True where there can be routers: with OVN."""
    return control.northbound is not None


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
    rule = f"get_{thing}" if thing else "get_extensions"
    every, each = f"{ROOT}/{path}", f"{ROOT}/{path}/{{id}}"
    known = (("GET", every), ("POST", every), ("GET", each), ("PUT", each), ("DELETE", each))
    return tuple(
        Operation(method, where, refuse, rule=rule, reads_body=method in ("POST", "PUT")) for method, where in known
    )


OPERATIONS = tuple(operation for path in _ABSENT for operation in _absent(path))
