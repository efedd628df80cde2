"""Quotas of the network API."""

from __future__ import annotations

from busway.api.answer import NUMBER, shape, wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.operation import Operation
from busway.api.schema import Schema, as_int, closed
from busway.control.networks import quota

ROOT = "/network/v2.0/quotas"
# What there is none of has no limit either.
_NONE = ("rbac_policy", "subnetpool")
_LIMIT = {"type": ["integer", "string"], "maxLength": 10}
_BODY = Schema(closed({"quota": closed(dict.fromkeys(quota.DEFAULTS, _LIMIT))}, "quota"))


def _show(call: Call) -> Reply:
    return Reply({"quota": _whole(quota.limits(call.control, call.caller, call.path["project"]))})


def _default(call: Call) -> Reply:
    return Reply({"quota": _whole(quota.get_defaults(call.control))})


def _details(call: Call) -> Reply:
    limits = _whole(quota.limits(call.control, call.caller, call.path["project"]))
    used = quota.usage(call.control, call.caller, call.path["project"])
    return Reply(
        {"quota": {name: {"limit": limit, "used": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}}
    )


def _set(call: Call) -> Reply:
    wanted = {name: as_int(limit, name, least=-1) for name, limit in call.body["quota"].items()}
    return Reply({"quota": _whole(quota.set_limits(call.control, call.caller, call.path["project"], wanted))})


def _forget(call: Call) -> Reply:
    quota.forget_limits(call.control, call.caller, call.path["project"])
    return NO_CONTENT


def _whole(limits: dict[str, int]) -> dict[str, int]:
    return {**limits, **dict.fromkeys(_NONE, -1)}


_NAMES = (*quota.DEFAULTS, *_NONE)
_LIMITS = wrap("quota", shape(dict.fromkeys(_NAMES, NUMBER)))
_USED = shape({"limit": NUMBER, "used": NUMBER, "reserved": NUMBER}, "used")
_DETAILS = wrap("quota", shape(dict.fromkeys(_NAMES, _USED)))

OPERATIONS = (
    Operation("GET", f"{ROOT}/{{project}}", _show, rule="get_quota", answer=_LIMITS),
    Operation("GET", f"{ROOT}/{{project}}/default", _default, rule="get_quota", answer=_LIMITS),
    Operation("GET", f"{ROOT}/{{project}}/details", _details, rule="get_quota", answer=_DETAILS),
    Operation("GET", f"{ROOT}/{{project}}/details.json", _details, rule="get_quota", answer=_DETAILS),
    Operation("PUT", f"{ROOT}/{{project}}", _set, body=_BODY, rule="update_quota", answer=_LIMITS),
    Operation("DELETE", f"{ROOT}/{{project}}", _forget, rule="delete_quota"),
)
