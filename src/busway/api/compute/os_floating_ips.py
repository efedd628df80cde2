"""The compute API's floating addresses, up to 2.35, and the actions that lead them to servers, up to 2.43.

The network API has more of them. Without OVN both refuse them with the same words.
"""

from __future__ import annotations

from typing import Any

from busway.api.answer import TEXT, nullable, shape, wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.network.absent import require_routers, with_routers
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.networks import server_floating_ip as use_cases
from busway.control.networks.server_floating_ip import PooledIp
from busway.domain.errors import NotFound
from busway.domain.network import Network

ROOT, POOLS = "/compute/v2.1/os-floating-ips", "/compute/v2.1/os-floating-ip-pools"
_LAST, _LAST_ACTION = 35, 43
_CREATE = Schema(closed({"pool": {"type": ["string", "null"], "maxLength": 255}}))
_IP = {"type": "string", "format": "ipv4"}
_ADD = {1: closed({"address": _IP, "fixed_address": _IP}, "address")}
_REMOVE = {1: closed({"address": _IP}, "address")}


def _row(each: PooledIp) -> dict[str, object]:
    return {
        "id": each.floating.id,
        "ip": each.floating.address,
        "pool": _name(each.pool),
        "fixed_ip": each.floating.fixed_address or None,
        "instance_id": each.server_id,
    }


def _name(pool: Network) -> str:
    return pool.name or pool.id


@with_routers
def _list(call: Call) -> Reply:
    return Reply({"floating_ips": [_row(each) for each in use_cases.list_pooled_ips(call.control, call.caller)]})


@with_routers
def _show(call: Call) -> Reply:
    return Reply({"floating_ip": _row(use_cases.get_pooled_ip(call.control, call.caller, call.path["id"]))})


@with_routers
def _create(call: Call) -> Reply:
    made = use_cases.create_pooled_ip(call.control, call.caller, call.body.get("pool"))
    return Reply({"floating_ip": _row(made)})


@with_routers
def _delete(call: Call) -> Reply:
    use_cases.delete_pooled_ip(call.control, call.caller, call.path["id"])
    return ACCEPTED


@with_routers
def _pools(call: Call) -> Reply:
    found = use_cases.list_pools(call.control, call.caller)
    return Reply({"floating_ip_pools": [{"name": _name(each)} for each in found]})


def _add(call: Call, given: Any) -> Reply:
    _require(call)
    use_cases.lead_to_server(call.control, call.caller, call.path["id"], given["address"], given.get("fixed_address"))
    return ACCEPTED


def _remove(call: Call, given: Any) -> Reply:
    _require(call)
    use_cases.take_from_server(call.control, call.caller, call.path["id"], given["address"])
    return ACCEPTED


def _require(call: Call) -> None:
    if call.version > _LAST_ACTION:
        raise NotFound(
            "From 2.44 on floating addresses are led to servers by the network API",
            remedy="openstack floating ip set --port PORT FLOATING_IP",
            code="no-such-action",
        )
    require_routers(call.control)


_API = "os_compute_api:os-floating-ips:"
_SHAPE = shape(
    {"id": TEXT, "ip": TEXT, "pool": TEXT, "fixed_ip": nullable(TEXT), "instance_id": nullable(TEXT)}, "floating-ip"
)
_ONE = wrap("floating_ip", _SHAPE)
ACTIONS = {
    "addFloatingIp": Action(_add, f"{_API}add", _ADD),
    "removeFloatingIp": Action(_remove, f"{_API}remove", _REMOVE),
}
OPERATIONS = (
    Operation("GET", ROOT, _list, until=_LAST, rule=f"{_API}list", answer=wrap_list("floating_ips", _SHAPE)),
    Operation("POST", ROOT, _create, _CREATE, until=_LAST, rule=f"{_API}create", answer=_ONE),
    Operation("GET", f"{ROOT}/{{id}}", _show, until=_LAST, rule=f"{_API}show", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, until=_LAST, rule=f"{_API}delete"),
    Operation(
        "GET",
        POOLS,
        _pools,
        until=_LAST,
        rule="os_compute_api:os-floating-ip-pools",
        answer=wrap_list("floating_ip_pools", shape({"name": TEXT}, "floating-ip-pool")),
    ),
)
