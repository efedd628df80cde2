"""Links to consoles: POST remote-consoles from 2.6, and the older actions for each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from busway.api.answer import TEXT, Part, shape, wrap
from busway.api.call import Call, Reply
from busway.api.compute.action import Action
from busway.api.console import SOCKET
from busway.api.operation import Operation
from busway.api.schema import Schema, closed, wrapped
from busway.control.servers.console import create_console
from busway.control.servers.read import get_server
from busway.control.servers.spice import create_spice_console
from busway.domain.console import ConsoleKind
from busway.domain.errors import BadInput, NotFound

ROOT = "/compute/v2.1/servers/{id}/remote-consoles"
RULE = "os_compute_api:os-remote-consoles"
_LAST_ACTION = 5

_PAGES = {ConsoleKind.VNC: "/consoles/vnc.html", ConsoleKind.SERIAL: "/consoles/serial.html"}
_TYPES = {"novnc": ConsoleKind.VNC, "serial": ConsoleKind.SERIAL}
# Nova's other types, and why there is none of each.
_REASONS = {
    "xvpvnc": "it was a Java program for XenServer",
    "spice-html5": "there is no page that speaks SPICE, and that of novnc shows the same screen",
    "spice-direct": "the configuration does not say [spice] enabled",
    "rdp-html5": "it was for Hyper-V",
    "webmks": "it is for VMware",
}
_PROTOCOLS = {
    "novnc": "vnc",
    "xvpvnc": "vnc",
    "serial": "serial",
    "spice-html5": "spice",
    "spice-direct": "spice",
    "rdp-html5": "rdp",
    "webmks": "mks",
}


def _body(protocols: tuple[str, ...], types: tuple[str, ...]) -> Schema:
    fields = {"protocol": {"enum": list(protocols)}, "type": {"enum": list(types)}}
    return wrapped("remote_console", closed(fields, "protocol", "type"))


_FIRST = ("novnc", "xvpvnc", "rdp-html5", "spice-html5", "serial")
CREATE = {
    6: _body(("vnc", "spice", "rdp", "serial"), _FIRST),
    8: _body(("vnc", "spice", "rdp", "serial", "mks"), (*_FIRST, "webmks")),
    99: _body(("vnc", "spice", "rdp", "serial", "mks"), (*_FIRST, "webmks", "spice-direct")),
}


def _create(call: Call) -> Reply:
    wanted = call.body["remote_console"]
    protocol, type_ = wanted["protocol"], wanted["type"]
    if _PROTOCOLS[type_] != protocol:
        get_server(call.control, call.caller, call.path["id"])
        raise BadInput(
            f"A console of type {type_} has no protocol {protocol}",
            remedy=f"Ask for the protocol {_PROTOCOLS[type_]}.",
            code="console-type",
        )
    return Reply({"remote_console": {"protocol": protocol, "type": type_, "url": _url(call, type_)}})


def _url(call: Call, type_: str) -> str:
    """The page of a console, with the path of its socket as noVNC's own page takes it; or the operator's proxy."""
    if type_ == "spice-direct" and (proxy := call.control.settings.spice_proxy_url):
        return f"{proxy}?{urlencode({'token': create_spice_console(call.control, call.caller, call.path['id'])})}"
    kind = _TYPES.get(type_)
    if kind is None:
        get_server(call.control, call.caller, call.path["id"])
        raise BadInput(
            f"Unavailable console type {type_}",
            detail=f"Busway does not have it: {_REASONS[type_]}.",
            remedy="Ask for novnc or serial: openstack console url show --novnc SERVER",
            code="console-type",
        )
    token = create_console(call.control, call.caller, call.path["id"], kind)
    socket = f"{SOCKET[1:]}?{urlencode({'token': token})}"
    return call.url(f"{_PAGES[kind]}?{urlencode({'path': socket})}")


_CONSOLE = Part(wrap("console", shape({"type": TEXT, "url": TEXT})), until=_LAST_ACTION)


def _action(*types: str) -> Action:
    def run(call: Call, given: Any) -> Reply:
        if call.version > _LAST_ACTION:
            raise NotFound("From 2.6 on consoles are asked for by POST remote-consoles", code="no-such-action")
        return Reply({"console": {"type": given["type"], "url": _url(call, given["type"])}})

    return Action(run, RULE, {1: closed({"type": {"enum": list(types)}}, "type")}, _CONSOLE)


ACTIONS: Mapping[str, Action] = {
    "os-getVNCConsole": _action("novnc", "xvpvnc"),
    "os-getSPICEConsole": _action("spice-html5"),
    "os-getRDPConsole": _action("rdp-html5"),
    "os-getSerialConsole": _action("serial"),
}
OPERATIONS = (
    Operation(
        "POST",
        ROOT,
        _create,
        CREATE,
        since=6,
        rule=RULE,
        answer=wrap("remote_console", shape({"protocol": TEXT, "type": TEXT, "url": TEXT})),
    ),
)
