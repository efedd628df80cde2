"""Routers, their gateways and their interfaces, as Neutron's extensions router, ext-gw-mode, extraroute and extraroute-atomic have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.network.absent import with_routers
from busway.api.network.answers import INTERFACE, ROUTER, listed, shown
from busway.api.network.network_query import network_filter
from busway.api.network.networks import NAME, PROJECT
from busway.api.network.rows import Row, changed_reply, one, page_reply
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, UUID, Schema, as_bool, closed
from busway.control.networks import router as use_cases
from busway.control.networks import router_interface as interfaces
from busway.domain.errors import BadInput
from busway.domain.guest_network import HostRoute
from busway.domain.ids import ProjectId
from busway.domain.router import MAX_ROUTES, Router
from busway.store.router_list import ROUTER_COLUMNS

ROOT = "/network/v2.0/routers"
_ADDRESS = {"type": "string", "maxLength": 43}
_FIXED = closed({"subnet_id": UUID, "ip_address": _ADDRESS})
_GATEWAY = {
    **closed(
        {
            "network_id": {"type": ["string", "null"], "maxLength": 36},
            "enable_snat": BOOLEAN,
            "external_fixed_ips": {"type": "array", "maxItems": 10, "items": _FIXED},
        }
    ),
    "type": ["object", "null"],
}
_ROUTE = closed({"destination": _ADDRESS, "nexthop": _ADDRESS}, "destination", "nexthop")
_COMMON = {"name": NAME, "description": NAME, "admin_state_up": BOOLEAN, "external_gateway_info": _GATEWAY}
_CREATE = Schema(closed({"router": closed({**_COMMON, "tenant_id": PROJECT, "project_id": PROJECT})}, "router"))
_ROUTES = {"type": ["array", "null"], "maxItems": MAX_ROUTES, "items": _ROUTE}
_UPDATE = Schema(closed({"router": closed({**_COMMON, "routes": _ROUTES})}, "router"))
_EXTRA = Schema(closed({"router": closed({"routes": {**_ROUTES, "type": "array"}}, "routes")}, "router"))
_INTERFACE = Schema(closed({"subnet_id": UUID, "port_id": UUID}))


def _row(router: Router) -> Row:
    return {
        "id": router.id,
        "name": router.name,
        "description": router.description,
        "status": "ACTIVE",
        "admin_state_up": router.up,
        "external_gateway_info": _gateway_row(router),
        "routes": [{"destination": each.destination, "nexthop": each.nexthop} for each in router.routes],
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "tags": [],
        "revision_number": router.revision,
        "created_at": nova_time(router.created),
        "updated_at": nova_time(router.created),
    }


def _gateway_row(router: Router) -> Row | None:
    port = router.gateway_port
    if port is None:
        return None
    return {
        "network_id": port.network.id,
        "enable_snat": router.snat,
        "external_fixed_ips": [{"subnet_id": subnet.id, "ip_address": address} for subnet, address in port.fixed_ips],
    }


@with_routers
def _list(call: Call) -> Reply:
    found = use_cases.list_routers(call.control, call.caller, network_filter(call, ROUTER_COLUMNS))
    return page_reply(call, "routers", [_row(each) for each in found])


@with_routers
def _show(call: Call) -> Reply:
    return one(call, "router", [_row(use_cases.get_router(call.control, call.caller, call.path["id"]))])


@with_routers
def _create(call: Call) -> Reply:
    given = call.body["router"]
    project = given.get("project_id") or given.get("tenant_id")
    wanted = use_cases.NewRouter(
        given.get("name", ""),
        given.get("description", ""),
        as_bool(given.get("admin_state_up", True), "admin_state_up"),
        _gateway(given.get("external_gateway_info")),
        ProjectId(project) if project else None,
    )
    return Reply({"router": _row(use_cases.create_router(call.control, call.caller, wanted))}, 201)


@with_routers
def _update(call: Call) -> Reply:
    given = call.body["router"]
    changed = use_cases.update_router(
        call.control,
        call.caller,
        call.path["id"],
        name=given.get("name"),
        description=given.get("description"),
        up=as_bool(given["admin_state_up"], "admin_state_up") if "admin_state_up" in given else None,
        gateway=_gateway(given["external_gateway_info"]) if "external_gateway_info" in given else True,
        routes=_routes(given["routes"] or ()) if "routes" in given else None,
    )
    return changed_reply(call, "router", _row(changed))


@with_routers
def _add_routes(call: Call) -> Reply:
    routes = _routes(call.body["router"]["routes"])
    router = use_cases.add_routes(call.control, call.caller, call.path["id"], routes)
    return changed_reply(call, "router", _row(router))


@with_routers
def _remove_routes(call: Call) -> Reply:
    routes = _routes(call.body["router"]["routes"])
    router = use_cases.remove_routes(call.control, call.caller, call.path["id"], routes)
    return changed_reply(call, "router", _row(router))


@with_routers
def _delete(call: Call) -> Reply:
    use_cases.delete_router(call.control, call.caller, call.path["id"])
    return NO_CONTENT


@with_routers
def _add(call: Call) -> Reply:
    given = call.body
    made = interfaces.add_interface(
        call.control, call.caller, call.path["id"], subnet_id=given.get("subnet_id"), port_id=given.get("port_id")
    )
    return Reply(_interface_row(made))


@with_routers
def _remove(call: Call) -> Reply:
    given = call.body
    gone = interfaces.remove_interface(
        call.control, call.caller, call.path["id"], subnet_id=given.get("subnet_id"), port_id=given.get("port_id")
    )
    return Reply(_interface_row(gone))


def _interface_row(interface: interfaces.Interface) -> Row:
    router, port = interface.router, interface.port
    return {
        "id": router.id,
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network.id,
        "subnet_id": interface.subnets[0],
        "subnet_ids": list(interface.subnets),
        "tags": [],
    }


def _gateway(given: dict[str, Any] | None) -> use_cases.Gateway | None:
    """What a request asks of the gateway; null, an empty object or a null network ask for none."""
    if not given or ("network_id" in given and not given["network_id"]):
        return None
    if "network_id" not in given:
        raise BadInput("Bad router request: external_gateway_info needs a network_id", code="router-gateway")
    chosen = given.get("external_fixed_ips")
    return use_cases.Gateway(
        given["network_id"],
        as_bool(given["enable_snat"], "enable_snat") if "enable_snat" in given else None,
        None if chosen is None else tuple((each.get("subnet_id", ""), each.get("ip_address", "")) for each in chosen),
    )


def _routes(given: Iterable[dict[str, str]]) -> tuple[HostRoute, ...]:
    return tuple(HostRoute(each["destination"], each["nexthop"]) for each in given)


_ONE = wrap("router", ROUTER)

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_router", answer=listed("routers", ROUTER)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_router", answer=shown("router", ROUTER)),
    Operation("POST", ROOT, _create, body=_CREATE, rule="create_router", answer=_ONE),
    Operation("PUT", f"{ROOT}/{{id}}", _update, body=_UPDATE, rule="update_router", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_router"),
    Operation("PUT", f"{ROOT}/{{id}}/add_extraroutes", _add_routes, body=_EXTRA, rule="add_extraroutes", answer=_ONE),
    Operation(
        "PUT", f"{ROOT}/{{id}}/remove_extraroutes", _remove_routes, body=_EXTRA, rule="remove_extraroutes", answer=_ONE
    ),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}/add_router_interface",
        _add,
        body=_INTERFACE,
        rule="add_router_interface",
        answer=INTERFACE,
    ),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}/remove_router_interface",
        _remove,
        body=_INTERFACE,
        rule="remove_router_interface",
        answer=INTERFACE,
    ),
)
