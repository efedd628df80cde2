"""Quotas of the network API."""

from __future__ import annotations

from busway.api.answer import NUMBER, TEXT, shape, wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.network.rows import refuse_unknown
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, Schema, as_bool, as_int, closed
from busway.control.networks import quota
from busway.domain.errors import NotSupported

ROOT = "/network/v2.0/quotas"
# What there is none of has no limit either.
_NONE = ("rbac_policy", "subnetpool")
_LIMIT = {"type": ["integer", "string"], "maxLength": 10}
_HOW = {"check_limit": BOOLEAN, "force": BOOLEAN}
_BODY = Schema(closed({"quota": closed({**dict.fromkeys((*quota.DEFAULTS, *_NONE), _LIMIT), **_HOW})}, "quota"))


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


def _list(call: Call) -> Reply:
    rows = [
        {"tenant_id": project, "project_id": project, **_whole(limits)}
        for project, limits in quota.list_own(call.control, call.caller).items()
    ]
    refuse_unknown(call.query, ())
    return Reply({"quotas": rows})


def _set(call: Call) -> Reply:
    given = call.body["quota"]
    how = {name: as_bool(given.get(name, False), name) for name in _HOW}
    wanted = {name: as_int(limit, name, least=-1) for name, limit in given.items() if name not in _HOW}
    for name in _NONE:
        if wanted.pop(name, -1) != -1:
            raise NotSupported(
                f"There are no resources of the kind {name}, and they have no limit",
                remedy="Leave it out.",
                code="quota-resource",
            )
    changed = quota.set_limits(
        call.control, call.caller, call.path["project"], wanted, check_use=how["check_limit"] and not how["force"]
    )
    return Reply({"quota": _whole(changed)})


def _forget(call: Call) -> Reply:
    quota.forget_limits(call.control, call.caller, call.path["project"])
    return NO_CONTENT


def _whole(limits: dict[str, int]) -> dict[str, int]:
    return {**limits, **dict.fromkeys(_NONE, -1)}


_NAMES = (*quota.DEFAULTS, *_NONE)
_LIMITS = wrap("quota", shape(dict.fromkeys(_NAMES, NUMBER)))
_USED = shape({"limit": NUMBER, "used": NUMBER, "reserved": NUMBER}, "used")
_DETAILS = wrap("quota", shape(dict.fromkeys(_NAMES, _USED)))

_OWN = shape({"tenant_id": TEXT, "project_id": TEXT, **dict.fromkeys(_NAMES, NUMBER)}, "project-quota")

OPERATIONS = (
    Operation("GET", ROOT, _list, rule="get_quota", answer=wrap_list("quotas", _OWN)),
    Operation("GET", f"{ROOT}/{{project}}", _show, rule="get_quota", answer=_LIMITS),
    Operation("GET", f"{ROOT}/{{project}}/default", _default, rule="get_quota", answer=_LIMITS),
    Operation("GET", f"{ROOT}/{{project}}/details", _details, rule="get_quota", answer=_DETAILS),
    Operation("GET", f"{ROOT}/{{project}}/details.json", _details, rule="get_quota", answer=_DETAILS),
    Operation("PUT", f"{ROOT}/{{project}}", _set, body=_BODY, rule="update_quota", answer=_LIMITS),
    Operation("DELETE", f"{ROOT}/{{project}}", _forget, rule="delete_quota"),
)
