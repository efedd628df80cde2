"""Actions of admins and such that change no status: lock, reset of its state, security groups, and what its host is asked to do at once."""

from __future__ import annotations

from typing import Any

from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.schema import NAME, closed
from busway.control.servers import lock, security
from busway.control.servers.delete import delete_server
from busway.control.servers.network_info import inject_network_info
from busway.control.servers.questions import set_guest_password, trigger_crash_dump
from busway.control.servers.soft_delete import restore_server
from busway.domain.server import ServerStatus

_REASON = closed({"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}})
_LOCK = {1: {}, 73: {"anyOf": [{"type": "null"}, _REASON]}}
_NAMED = {1: closed({"name": NAME}, "name")}
_STATES = {"active": ServerStatus.ACTIVE, "error": ServerStatus.ERROR}
_RESET = {1: closed({"state": {"enum": sorted(_STATES)}}, "state")}
_PASSWORD = {1: closed({"adminPass": {"type": "string", "minLength": 1, "maxLength": 255}}, "adminPass")}


def _lock(call: Call, given: Any) -> Reply:
    reason = given.get("locked_reason") if call.version >= 73 and isinstance(given, dict) else None
    lock.lock_server(call.control, call.caller, call.path["id"], call.request_id, reason)
    return ACCEPTED


def _unlock(call: Call, _given: Any) -> Reply:
    lock.unlock_server(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _reset(call: Call, given: Any) -> Reply:
    lock.reset_state(call.control, call.caller, call.path["id"], _STATES[given["state"]], call.request_id)
    return ACCEPTED


def _add_group(call: Call, given: Any) -> Reply:
    security.add_group(call.control, call.caller, call.path["id"], given["name"], call.request_id)
    return ACCEPTED


def _remove_group(call: Call, given: Any) -> Reply:
    security.remove_group(call.control, call.caller, call.path["id"], given["name"], call.request_id)
    return ACCEPTED


def _change_password(call: Call, given: Any) -> Reply:
    set_guest_password(call.control, call.caller, call.path["id"], given["adminPass"], call.request_id)
    return ACCEPTED


def _crash_dump(call: Call, _given: Any) -> Reply:
    trigger_crash_dump(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _inject_network(call: Call, _given: Any) -> Reply:
    inject_network_info(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


def _force_delete(call: Call, _given: Any) -> Reply:
    delete_server(call.control, call.caller, call.path["id"], call.request_id, for_good=True)
    return ACCEPTED


def _restore(call: Call, _given: Any) -> Reply:
    restore_server(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


_API = "os_compute_api:"
ACTIONS = {
    "lock": Action(_lock, f"{_API}os-lock-server:lock", _LOCK),
    "unlock": Action(_unlock, f"{_API}os-lock-server:unlock"),
    "os-resetState": Action(_reset, f"{_API}os-admin-actions:reset_state", _RESET),
    "addSecurityGroup": Action(_add_group, f"{_API}os-security-groups:add", _NAMED),
    "removeSecurityGroup": Action(_remove_group, f"{_API}os-security-groups:remove", _NAMED),
    "changePassword": Action(_change_password, f"{_API}os-admin-password", _PASSWORD),
    "trigger_crash_dump": Action(_crash_dump, f"{_API}servers:trigger_crash_dump", {17: {"type": "null"}}),
    "injectNetworkInfo": Action(_inject_network, f"{_API}os-admin-actions:inject_network_info"),
    "forceDelete": Action(_force_delete, f"{_API}os-deferred-delete:force"),
    "restore": Action(_restore, f"{_API}os-deferred-delete:restore"),
}
