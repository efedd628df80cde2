"""The actions that give a server's port one more address, and take one away; Nova has them up to 2.43."""

from __future__ import annotations

from typing import Any

from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.compute.server_interfaces import IP, nova_status_of_taken
from busway.api.schema import UUID, closed
from busway.control.servers.fixed_ips import add_fixed_ip, remove_fixed_ip
from busway.domain.errors import NotFound

_LAST = 43
_RULE = "os_compute_api:os-multinic:"


def _add(call: Call, given: Any) -> Reply:
    _require(call)
    with nova_status_of_taken():
        add_fixed_ip(call.control, call.caller, call.path["id"], given["networkId"], call.request_id)
    return ACCEPTED


def _remove(call: Call, given: Any) -> Reply:
    _require(call)
    remove_fixed_ip(call.control, call.caller, call.path["id"], given["address"], call.request_id)
    return ACCEPTED


def _require(call: Call) -> None:
    if call.version > _LAST:
        raise NotFound(
            "From 2.44 on addresses of ports are changed by the network API",
            remedy="openstack port set --fixed-ip subnet=SUBNET PORT, and openstack port unset --fixed-ip subnet=SUBNET,ip-address=ADDRESS PORT",
            code="no-such-action",
        )


ACTIONS = {
    "addFixedIp": Action(_add, f"{_RULE}add", {1: closed({"networkId": UUID}, "networkId")}),
    "removeFixedIp": Action(_remove, f"{_RULE}remove", {1: closed({"address": IP}, "address")}),
}
