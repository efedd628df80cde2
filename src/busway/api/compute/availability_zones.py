"""Availability zones: one, named nova, with all hosts."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.compute.server_create import ZONE
from busway.api.compute.services import BINARY
from busway.api.encoding import micro_time
from busway.api.operation import Operation
from busway.control import hosts

ROOT = "/compute/v2.1/os-availability-zone"


def _reply(zone_hosts: object) -> Reply:
    zone = {"zoneName": ZONE, "zoneState": {"available": True}, "hosts": zone_hosts}
    return Reply({"availabilityZoneInfo": [zone]})


def _list(_call: Call) -> Reply:
    return _reply(None)


def _list_detail(call: Call) -> Reply:
    found = hosts.list_hosts(call.control, call.caller)
    return _reply(
        {
            host.name: {
                BINARY: {
                    "available": host.up,
                    "active": host.enabled,
                    "updated_at": micro_time(host.seen) if host.seen else None,
                }
            }
            for host in found
        }
    )


OPERATIONS = (
    Operation("GET", ROOT, _list),
    Operation("GET", f"{ROOT}/detail", _list_detail),
)
