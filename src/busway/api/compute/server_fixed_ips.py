"""The actions of old clients that give a server one more fixed address or take one away, up to 2.43.

A port has one address of each IP version, so an address comes with a card of its own and leaves with it, as the stock command
`openstack server add fixed ip` has it from 2.44 on.
"""

from __future__ import annotations

from typing import Any

from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.compute.server_interfaces import IP, nova_status_of_taken
from busway.api.schema import UUID, closed
from busway.control.servers.interfaces import attach_interface, detach_address
from busway.domain.errors import NotFound
from busway.domain.ids import NetworkId
from busway.domain.requests import NetworkRef

_LAST = 43
_RULE = "os_compute_api:os-multinic:"


def _add(call: Call, given: Any) -> Reply:
    _require(call)
    wanted = NetworkRef(NetworkId(given["networkId"]))
    with nova_status_of_taken():
        attach_interface(call.control, call.caller, call.path["id"], wanted, "", call.request_id)
    return ACCEPTED


def _remove(call: Call, given: Any) -> Reply:
    _require(call)
    detach_address(call.control, call.caller, call.path["id"], given["address"], call.request_id)
    return ACCEPTED


def _require(call: Call) -> None:
    if call.version > _LAST:
        raise NotFound(
            "From 2.44 on addresses come with network cards",
            remedy="openstack server add fixed ip, server add network or server remove port",
            code="no-such-action",
        )


ACTIONS = {
    "addFixedIp": Action(_add, f"{_RULE}add", {1: closed({"networkId": UUID}, "networkId")}),
    "removeFixedIp": Action(_remove, f"{_RULE}remove", {1: closed({"address": IP}, "address")}),
}
