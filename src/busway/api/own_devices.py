"""Devices of servers under /busway/v1: listed, attached and detached while the server runs or is off."""

from __future__ import annotations

from busway.api.answer import TEXT, nullable, shape, wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.operation import Operation
from busway.api.schema import NAME, Schema, closed
from busway.control.servers.devices import ServerDevice, attach_device, detach_device, list_devices

_ROOT = "/busway/v1/servers/{id}/devices"
_ATTACH = Schema(closed({"alias": NAME}, "alias"))
_DEVICE = shape({"id": TEXT, "alias": nullable(TEXT), "kind": TEXT, "state": TEXT}, "server-device")


def _row(device: ServerDevice) -> dict[str, object]:
    return {"id": device.id, "alias": device.alias, "kind": device.kind, "state": device.state}


def _list(call: Call) -> Reply:
    return Reply({"devices": [_row(each) for each in list_devices(call.control, call.caller, call.path["id"])]})


def _attach(call: Call) -> Reply:
    made = attach_device(call.control, call.caller, call.path["id"], call.body["alias"], call.request_id)
    return Reply({"device": _row(made)}, 202)


def _detach(call: Call) -> Reply:
    detach_device(call.control, call.caller, call.path["id"], call.path["device"], call.request_id)
    return ACCEPTED


OPERATIONS = (
    Operation("GET", _ROOT, _list, rule="busway:servers:devices", answer=wrap_list("devices", _DEVICE)),
    Operation("POST", _ROOT, _attach, _ATTACH, rule="busway:servers:attach", answer=wrap("device", _DEVICE)),
    Operation("DELETE", f"{_ROOT}/{{device}}", _detach, rule="busway:servers:detach"),
)
