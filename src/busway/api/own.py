"""Busway's own API under /busway/v1: aliases, device specs, devices, hosts, events, quotas, explanations, and plans."""

from __future__ import annotations

from dataclasses import replace

from busway.api import own_audit, own_devices, own_quotas, own_rules, own_usage
from busway.api.answer import TEXT, array, shape, wrap, wrap_list
from busway.api.answer_types import of_type
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.microversion import MINIMUM
from busway.api.operation import Operation
from busway.api.schema import COUNT, FLAG, PAGE, WORD, Schema, closed
from busway.control import events
from busway.control.devices import handovers, recycle
from busway.control.devices import listing as devices
from busway.control.devices.handovers import Handovers
from busway.control.devices.listing import DeviceStory, DeviceView
from busway.control.hosts import forget, joining
from busway.control.hosts import registry as hosts
from busway.control.hosts.registry import HostView
from busway.control.images import published as images
from busway.control.placement import plan
from busway.control.placement.plan import Plan
from busway.control.servers import why
from busway.control.servers.why import Why
from busway.domain.errors import BadInput
from busway.store.devices import DeviceFilter
from busway.store.events import Event
from busway.store.hosts import HostFilter
from busway.wire.join import encode_token

ROOT = "/busway/v1"
_CREATE_HOST = Schema(
    closed({"name": {"type": "string", "minLength": 1, "maxLength": 255}, "rotate": {"type": "boolean"}}, "name")
)
_CHANGE_HOST = Schema(
    closed({"enabled": {"type": "boolean"}, "reason": {"type": ["string", "null"], "maxLength": 255}}, "enabled")
)


def _limit(call: Call, usual: int) -> int:
    asked = call.number("limit")
    return usual if asked is None else asked


def _list_devices(call: Call) -> Reply:
    limit = call.number("limit")
    wanted = DeviceFilter(host=call.text("host"), limit=limit, marker=call.text("marker"))
    return Reply({"devices": devices.list_devices(call.control, call.caller, wanted) if limit != 0 else []})


def _show_device(call: Call) -> Reply:
    return Reply({"device": devices.get_device(call.control, call.caller, call.path["name"])})


def _recycle_device(call: Call) -> Reply:
    return Reply({"device": recycle.recycle_device(call.control, call.caller, call.path["name"])})


def _list_handovers(call: Call) -> Reply:
    limit = _limit(call, 100)
    return Reply({"handovers": handovers.list_handovers(call.control, call.caller, call.path["name"], limit)})


def _list_hosts(call: Call) -> Reply:
    limit, name = call.number("limit"), call.text("name")
    wanted = HostFilter(name=name, limit=limit, marker=call.text("marker"))
    return Reply({"hosts": hosts.list_hosts(call.control, call.caller, wanted=wanted) if limit != 0 else []})


def _create_host(call: Call) -> Reply:
    rotate = call.body.get("rotate", False)
    made = joining.create_host(call.control, call.caller, call.body["name"], rotate=rotate)
    return Reply({"join_token": encode_token(made)}, 201)


def _change_host(call: Call) -> Reply:
    enabled, reason = call.body["enabled"], call.body.get("reason")
    hosts.set_enabled(call.control, call.caller, call.path["name"], enabled=enabled, reason=reason)
    return NO_CONTENT


def _delete_host(call: Call) -> Reply:
    forget.delete_host(call.control, call.caller, call.path["name"], lost=call.flag("lost"))
    return NO_CONTENT


def _list_events(call: Call) -> Reply:
    found = events.list_events(
        call.control,
        call.caller,
        server=call.text("server"),
        device=call.text("device"),
        host=call.text("host"),
        limit=_limit(call, 200),
        before=call.number("before"),
    )
    return Reply({"events": found})


def _why(call: Call) -> Reply:
    return Reply({"why": why.why(call.control, call.caller, call.path["id"])})


def _image_catalogue(call: Call) -> Reply:
    return Reply({"image_catalogue": images.show_catalogue(call.control, call.caller)})


def _plan(call: Call) -> Reply:
    flavor = call.text("flavor")
    if flavor is None:
        raise BadInput("A plan needs a flavor", remedy="Name one: ?flavor=m1.small", code="flavor-missing")
    count = call.number("count")
    count = 1 if count is None else count
    words = (call.text("image"), call.text("host"), call.text("network"))
    made = plan.plan(call.control, call.caller, flavor, count, *words)
    return Reply({"plan": made})


_EVENTS = {"server": WORD, "device": WORD, "host": WORD, "limit": COUNT, "before": COUNT}
_PLAN = {"flavor": WORD, "count": COUNT, "image": WORD, "host": WORD, "network": WORD}

_OPERATIONS = (
    Operation(
        "GET",
        f"{ROOT}/devices",
        _list_devices,
        query={**PAGE, "host": WORD},
        rule="busway:devices:list",
        answer=wrap_list("devices", of_type(DeviceView)),
    ),
    Operation(
        "GET",
        f"{ROOT}/devices/{{name}}",
        _show_device,
        rule="busway:devices:show",
        answer=wrap("device", of_type(DeviceStory)),
    ),
    Operation(
        "POST",
        f"{ROOT}/devices/{{name}}/recycle",
        _recycle_device,
        rule="busway:devices:recycle",
        answer=wrap("device", of_type(DeviceStory)),
    ),
    Operation(
        "GET",
        f"{ROOT}/devices/{{name}}/handovers",
        _list_handovers,
        query={"limit": COUNT},
        rule="busway:devices:handovers",
        answer=wrap("handovers", of_type(Handovers)),
    ),
    Operation(
        "GET",
        f"{ROOT}/hosts",
        _list_hosts,
        query={**PAGE, "name": WORD},
        rule="busway:hosts:list",
        answer=wrap_list("hosts", of_type(HostView)),
    ),
    Operation(
        "POST", f"{ROOT}/hosts", _create_host, _CREATE_HOST, rule="busway:hosts:create", answer=wrap("join_token", TEXT)
    ),
    Operation("PATCH", f"{ROOT}/hosts/{{name}}", _change_host, _CHANGE_HOST, rule="busway:hosts:update"),
    Operation("DELETE", f"{ROOT}/hosts/{{name}}", _delete_host, query={"lost": FLAG}, rule="busway:hosts:delete"),
    Operation(
        "GET",
        f"{ROOT}/events",
        _list_events,
        query=_EVENTS,
        rule="busway:events:list",
        answer=wrap_list("events", of_type(Event)),
    ),
    Operation("GET", f"{ROOT}/servers/{{id}}/why", _why, rule="busway:servers:why", answer=wrap("why", of_type(Why))),
    Operation("GET", f"{ROOT}/plan", _plan, query=_PLAN, rule="busway:plan", answer=wrap("plan", of_type(Plan))),
    Operation(
        "GET",
        f"{ROOT}/image-catalogue",
        _image_catalogue,
        rule="busway:image-catalogue:show",
        answer=wrap("image_catalogue", shape({"where": TEXT, "keys": array(TEXT)})),
    ),
    *own_rules.OPERATIONS,
    *own_devices.OPERATIONS,
    *own_quotas.OPERATIONS,
    *own_audit.OPERATIONS,
    *own_usage.OPERATIONS,
)
# Busway's own API has no clients that send what it does not have: a filter with a slip in its name is a 400, not a list of all.
OPERATIONS = tuple(replace(each, strict=MINIMUM) for each in _OPERATIONS)
