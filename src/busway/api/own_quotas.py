"""Quotas under /busway/v1: those of Nova's resources and those of devices, which Nova's API has no words for."""

from __future__ import annotations

from busway.api.answer import NUMBER, mapping, wrap
from busway.api.answer_types import of_type
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.operation import Operation
from busway.api.schema import WORD, Schema, closed
from busway.control import quotas, user_quotas
from busway.control.quotas import Quota
from busway.domain.ids import ProjectId, UserId

_ROOT = "/busway/v1"
_QUOTAS = {"type": "object", "additionalProperties": {"type": "integer", "maximum": 0x7FFFFFFF}, "minProperties": 1}
_SET_QUOTA = Schema(closed({"limits": _QUOTAS, "force": {"type": "boolean"}}, "limits"))
_SET_DEFAULTS = Schema(closed({"limits": _QUOTAS}, "limits"))


def _project(call: Call) -> ProjectId:
    return quotas.project_of(call.control, call.caller, call.text("project") or "")


def _user(call: Call) -> UserId | None:
    name = call.query.get("user")
    return user_quotas.user_of(call.control, call.caller, name) if name is not None else None


def _reply(quota: Quota) -> Reply:
    return Reply({"quota": quota})


def _show(call: Call) -> Reply:
    project, user = _project(call), _user(call)
    if user is not None:
        return _reply(user_quotas.get_user_quota(call.control, call.caller, project, user))
    return _reply(quotas.get_quota(call.control, call.caller, project))


def _set(call: Call) -> Reply:
    limits, force = call.body["limits"], call.body.get("force", False)
    project, user = _project(call), _user(call)
    if user is not None:
        changed = user_quotas.set_user_quota(call.control, call.caller, project, user, limits, force=force)
    else:
        changed = quotas.set_quota(call.control, call.caller, project, limits, force=force)
    return _reply(changed)


def _reset(call: Call) -> Reply:
    project, user = _project(call), _user(call)
    if user is not None:
        user_quotas.reset_user_quota(call.control, call.caller, project, user)
    else:
        quotas.reset_quota(call.control, call.caller, project)
    return NO_CONTENT


def _show_defaults(call: Call) -> Reply:
    return Reply({"limits": quotas.get_defaults(call.control)})


def _set_defaults(call: Call) -> Reply:
    return Reply({"limits": quotas.set_defaults(call.control, call.caller, call.body["limits"])})


_QUERY = {"project": WORD, "user": WORD}

OPERATIONS = (
    Operation(
        "GET",
        f"{_ROOT}/quota",
        _show,
        query=_QUERY,
        rule="busway:quota:show",
        answer=wrap("quota", of_type(quotas.Quota)),
    ),
    Operation(
        "PUT",
        f"{_ROOT}/quota",
        _set,
        _SET_QUOTA,
        query=_QUERY,
        rule="busway:quota:update",
        answer=wrap("quota", of_type(quotas.Quota)),
    ),
    Operation("DELETE", f"{_ROOT}/quota", _reset, query=_QUERY, rule="busway:quota:delete"),
    Operation(
        "GET",
        f"{_ROOT}/quota-defaults",
        _show_defaults,
        rule="busway:quota-defaults:show",
        answer=wrap("limits", mapping(NUMBER)),
    ),
    Operation(
        "PUT",
        f"{_ROOT}/quota-defaults",
        _set_defaults,
        _SET_DEFAULTS,
        rule="busway:quota-defaults:update",
        answer=wrap("limits", mapping(NUMBER)),
    ),
)
