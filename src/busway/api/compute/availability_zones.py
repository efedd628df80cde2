"""Availability zones: those that aggregates name, and the default one with the other hosts."""

from __future__ import annotations

from busway.api.answer import NOTHING, TEXT, TRUTH, mapping, shape, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import ZONE_STATE
from busway.api.compute.services import BINARY
from busway.api.encoding import micro_time
from busway.api.operation import Operation
from busway.api.schema import Definition
from busway.control import aggregates
from busway.control.hosts import registry as hosts
from busway.control.hosts.registry import HostView

ROOT = "/compute/v2.1/os-availability-zone"


def _reply(zones: dict[str, object]) -> Reply:
    found = [{"zoneName": name, "zoneState": {"available": True}, "hosts": hosts} for name, hosts in zones.items()]
    return Reply({"availabilityZoneInfo": found})


def _list(call: Call) -> Reply:
    return _reply(dict.fromkeys(aggregates.list_zones(call.control), None))


def _list_detail(call: Call) -> Reply:
    known = {host.name: host for host in hosts.list_hosts(call.control, call.caller, call.rule)}
    zones = aggregates.list_zones(call.control)
    return _reply(
        {
            zone: {name: {BINARY: _state(known[name])} for name in names if name in known}
            for zone, names in zones.items()
        }
    )


def _state(host: HostView) -> dict[str, object]:
    seen = micro_time(host.seen) if host.seen else None
    return {"available": host.up, "active": host.enabled, "updated_at": seen}


def _zones(hosts: Definition) -> Definition:
    state = shape({"available": TRUTH})
    return wrap_list("availabilityZoneInfo", shape({"zoneName": TEXT, "zoneState": state, "hosts": hosts}))


OPERATIONS = (
    Operation("GET", ROOT, _list, rule="os_compute_api:os-availability-zone:list", answer=_zones(NOTHING)),
    Operation(
        "GET",
        f"{ROOT}/detail",
        _list_detail,
        rule="os_compute_api:os-availability-zone:detail",
        answer=_zones(mapping(wrap(BINARY, ZONE_STATE))),
    ),
)
