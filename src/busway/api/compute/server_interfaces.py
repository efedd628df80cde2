"""A server's network cards: listed, shown, attached and detached while it runs or is off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from busway.api.answer import wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.answers import INTERFACE
from busway.api.compute.server_create import TAG
from busway.api.operation import Operation
from busway.api.schema import UUID, Definition, Schema, closed, wrapped
from busway.control import networks
from busway.control.servers.interfaces import attach_interface, detach_interface, no_interface
from busway.control.servers.read import get_server
from busway.domain.errors import BadInput, Conflict
from busway.domain.ids import NetworkId, PortId
from busway.domain.network import Port
from busway.domain.requests import NetworkRef

ROOT = "/compute/v2.1/servers/{id}/os-interface"
_RULE = "os_compute_api:os-attach-interfaces:"
# Nova answers 400 where a port or an address is somebody else's already.
_TAKEN = frozenset({"port-in-use", "address-taken", "addresses-exhausted"})

IP: Definition = {"type": "string", "maxLength": 45, "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
_ADDRESS: Definition = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1,
    "items": closed({"ip_address": IP}, "ip_address"),
}
_WANTED: Mapping[str, Definition] = {"net_id": UUID, "port_id": UUID, "fixed_ips": _ADDRESS}


def _body(properties: Mapping[str, Definition]) -> Schema:
    return wrapped("interfaceAttachment", closed(dict(properties)))


_BODIES = {1: _body(_WANTED), 49: _body({**_WANTED, "tag": TAG})}


def _row(call: Call, port: Port) -> dict[str, object]:
    return {
        "port_id": port.id,
        "net_id": port.network.id,
        "mac_addr": port.mac,
        "port_state": "ACTIVE" if port.is_active else "DOWN",
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": address} for subnet, address in port.fixed_ips],
        **({"tag": port.tag or None} if call.version >= 70 else {}),
    }


def _held(call: Call) -> list[Port]:
    server = get_server(call.control, call.caller, call.path["id"])
    return networks.ports_of_server(call.control, server.id)


def _list(call: Call) -> Reply:
    return Reply({"interfaceAttachments": [_row(call, port) for port in _held(call)]})


def _show(call: Call) -> Reply:
    for port in _held(call):
        if port.id == call.path["port"]:
            return Reply({"interfaceAttachment": _row(call, port)})
    raise no_interface(call.path["id"], call.path["port"])


def _attach(call: Call) -> Reply:
    wanted, tag = _asked(call.body["interfaceAttachment"])
    with nova_status_of_taken():
        port = attach_interface(call.control, call.caller, call.path["id"], wanted, tag, call.request_id)
    return Reply({"interfaceAttachment": _row(call, port)})


@contextmanager
def nova_status_of_taken() -> Iterator[None]:
    """Answers 400, as Nova does, where a port or an address is somebody else's."""
    try:
        yield
    except Conflict as error:
        if error.code not in _TAKEN:
            raise
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error


def _asked(given: Mapping[str, Any]) -> tuple[NetworkRef, str]:
    network, port = given.get("net_id"), given.get("port_id")
    address = given["fixed_ips"][0]["ip_address"] if "fixed_ips" in given else None
    if network and port:
        raise BadInput("Must not input both network_id and port_id", code="interface-request")
    if address and not network:
        raise BadInput("Must input network_id when request IP address", code="interface-request")
    found = NetworkRef(NetworkId(network) if network else None, PortId(port) if port else None, address)
    return found, given.get("tag", "")


def _detach(call: Call) -> Reply:
    detach_interface(call.control, call.caller, call.path["id"], call.path["port"], call.request_id)
    return ACCEPTED


_ONE = wrap("interfaceAttachment", INTERFACE)
OPERATIONS = (
    Operation("GET", ROOT, _list, rule=f"{_RULE}list", answer=wrap_list("interfaceAttachments", INTERFACE)),
    Operation("POST", ROOT, _attach, _BODIES, rule=f"{_RULE}create", answer=_ONE),
    Operation("GET", f"{ROOT}/{{port}}", _show, rule=f"{_RULE}show", answer=_ONE),
    Operation("DELETE", f"{ROOT}/{{port}}", _detach, rule=f"{_RULE}delete"),
)
