"""Compute services: one nova-compute per host, by which operators take hosts out of service."""

from __future__ import annotations

from typing import Any

from busway.api.answer import FALSE, NUMBER, TEXT, Part, optional, shape, words, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import TEXT_OR_NULL
from busway.api.compute.hypervisors import host_key, keyed
from busway.api.compute.links import STRICT
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import WORD, Schema, closed
from busway.control.hosts import registry as hosts
from busway.control.hosts.registry import HostView
from busway.domain.errors import BadInput, NotFound, NotSupported
from busway.store.hosts import HostFilter

ROOT = "/compute/v2.1/os-services"
BINARY = "nova-compute"

_REASON = {"type": ["string", "null"], "maxLength": 255}
_NAMED = {"host": WORD, "binary": WORD, "disabled_reason": _REASON}
_BY_HOST = Schema(closed(_NAMED, "host"))
_BY_HOST_OR_DOWN = Schema(closed({**_NAMED, "forced_down": {"type": "boolean"}}, "host"))
_BY_ID = Schema(
    closed(
        {"status": {"enum": ["enabled", "disabled"]}, "disabled_reason": _REASON, "forced_down": {"type": "boolean"}}
    )
)

_FIELDS: tuple[Field[HostView], ...] = (
    Field("id", host_key, NUMBER, until=52),
    Field("id", host_key, TEXT, since=53),
    Field("binary", fixed(BINARY), words(BINARY)),
    Field("host", lambda host, _: host.name, TEXT),
    Field("zone", lambda host, _: host.zone, TEXT),
    Field("status", lambda host, _: "enabled" if host.enabled else "disabled", words("enabled", "disabled")),
    Field("state", lambda host, _: "up" if host.up else "down", words("up", "down")),
    Field("updated_at", lambda host, _: micro_time(host.seen) if host.seen else None, TEXT_OR_NULL),
    Field("disabled_reason", lambda host, _: host.disabled_reason, TEXT_OR_NULL),
    Field("forced_down", fixed(False), FALSE, since=11),
)


def _list(call: Call) -> Reply:
    host, binary = call.text("host"), call.text("binary")
    if binary not in (None, BINARY):
        return Reply({"services": []})
    found = hosts.list_hosts(call.control, call.caller, call.rule, HostFilter(name=host))
    return Reply({"services": [render(_FIELDS, each, call) for each in found]})


def _find(call: Call, name: str, value: str) -> HostView:
    wanted = keyed(call, value) if name == "id" else HostFilter(name=value)
    host = hosts.find_host(call.control, call.caller, wanted, call.rule)
    if host is not None:
        return host
    raise NotFound(f"Service {value} not found", code="service-not-found")


def _enable(call: Call, host: HostView, enabled: bool, reason: str | None) -> HostView:
    hosts.set_enabled(call.control, call.caller, host.name, enabled=enabled, reason=reason, rule=call.rule)
    return _find(call, "host", host.name)


def _refuse_forced_down(given: dict[str, Any]) -> None:
    """Raises `NotSupported`: who says that a host is down while its guests run would have them run twice."""
    if given.get("forced_down"):
        raise NotSupported(
            "A host can't be forced down",
            detail="The reports of its agent determine whether it is up: without them it counts as down after its lease.",
            remedy="Switch the host off, wait until it counts as down, and evacuate its servers: openstack server evacuate SERVER",
            code="forced-down",
        )


def _change(call: Call) -> Reply:
    given = call.body
    _refuse_forced_down(given)
    if "status" not in given:
        raise BadInput("No updates were requested", remedy="Set a status.", code="invalid-body")
    host = _find(call, "id", call.path["id"])
    changed = _enable(call, host, given["status"] == "enabled", given.get("disabled_reason"))
    return Reply({"service": render(_FIELDS, changed, call)})


def _change_by_host(call: Call) -> Reply:
    act = call.path["id"]
    if act == "force-down" and call.version >= 11:
        _refuse_forced_down(call.body)
        return Reply(
            {"service": {"host": _find(call, "host", call.body["host"]).name, "binary": BINARY, "forced_down": False}}
        )
    if "forced_down" in call.body:
        raise BadInput(f"forced_down is not for {act}", remedy="Leave it out, or use force-down.", code="invalid-body")
    if act not in ("enable", "disable", "disable-log-reason"):
        raise NotFound(f"Services have no action {act}", code="no-such-action")
    given: dict[str, Any] = call.body
    if (binary := given.get("binary", BINARY)) != BINARY:
        raise NotFound(
            f"Host {given['host']} has no service {binary}",
            detail=f"Agents are {BINARY}.",
            remedy="openstack compute service list",
            code="service-not-found",
        )
    host = _find(call, "host", given["host"])
    changed = _enable(call, host, act == "enable", given.get("disabled_reason"))
    row = {"host": changed.name, "binary": BINARY, "status": "enabled" if changed.enabled else "disabled"}
    if act == "disable-log-reason":
        row["disabled_reason"] = changed.disabled_reason or ""
    return Reply({"service": row})


def _update(call: Call) -> Reply:
    return _change(call) if call.version >= 53 else _change_by_host(call)


_CHANGED = shape(
    {
        "host": TEXT,
        "binary": TEXT,
        "status": optional(words("enabled", "disabled")),
        "disabled_reason": optional(TEXT),
        "forced_down": optional(FALSE, since=11),
    }
)

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query={"host": WORD, "binary": WORD},
        strict=STRICT,
        rule="os_compute_api:os-services:list",
        answer=wrap_list("services", shape_of(_FIELDS, "service")),
    ),
    Operation(
        "PUT",
        f"{ROOT}/{{id}}",
        _update,
        {1: _BY_HOST, 11: _BY_HOST_OR_DOWN, 53: _BY_ID},
        rule="os_compute_api:os-services:update",
        answer=shape({"service": (Part(_CHANGED, until=52), Part(shape_of(_FIELDS, "service"), since=53))}),
    ),
)
