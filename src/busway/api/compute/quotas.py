"""Quotas of projects, and of users in them, under Nova's names; those of devices are in Busway's own API, for Nova has no words for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.answer import NUMBER, TEXT, Part, Property, shape, wrap
from busway.api.call import Call, Reply
from busway.api.compute.links import STRICT
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, WORD, Definition, Schema, as_bool, as_int, closed, wrapped
from busway.control import quotas, user_quotas
from busway.control.quotas import Quota
from busway.domain.errors import BadInput
from busway.domain.quota import OF_IMAGES, UNLIMITED

_ROOT = "/compute/v2.1/os-quota-sets/{project}"
_CLASS = "/compute/v2.1/os-quota-class-sets/{name}"
_REAL = ("instances", "cores", "ram", "key_pairs", "metadata_items", "server_groups", "server_group_members")
_INJECTED = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
_INJECTED_UNTIL = 56
# Those of networks, which the network API counts and limits under these names. A port has one fixed address.
_NETWORKS = {
    "fixed_ips": "port",
    "floating_ips": "floatingip",
    "security_groups": "security_group",
    "security_group_rules": "security_group_rule",
}
_NETWORKS_UNTIL = 35
# What Nova's class of quotas has at other microversions than a project's quota.
_CLASS_GROUPS_SINCE, _CLASS_GONE_UNTIL = 50, 49
_GROUPS = ("server_groups", "server_group_members")
_LIMIT = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": 0x7FFFFFFF}


def _schemas(key: str, extra: Definition, gone_until: int) -> dict[int, Schema]:
    """The schemas of a change, which have each name for as long as answers show it."""
    every = dict.fromkeys([*_REAL, *_INJECTED, *_NETWORKS], _LIMIT)
    without = {name: limit for name, limit in every.items() if name in _REAL + _INJECTED}
    fields = {1: every, gone_until + 1: without, _INJECTED_UNTIL + 1: dict.fromkeys(_REAL, _LIMIT)}
    return {since: wrapped(key, closed({**names, **extra})) for since, names in fields.items()}


_SET = _schemas("quota_set", {"force": BOOLEAN, "tenant_id": {"type": "string"}}, _NETWORKS_UNTIL)
_SET_CLASS = _schemas("quota_class_set", {"id": {"type": "string"}}, _CLASS_GONE_UNTIL)


def _limits(call: Call, limits: Mapping[str, int]) -> dict[str, object]:
    return {name: limits.get(_NETWORKS.get(name, name), UNLIMITED) for name in _names_at(call)}


def _names_at(call: Call, networks_until: int = _NETWORKS_UNTIL) -> tuple[str, ...]:
    """The resources that exist at the microversion of a request."""
    injected = _INJECTED if call.version <= _INJECTED_UNTIL else ()
    return (*_REAL, *injected, *(_NETWORKS if call.version <= networks_until else ()))


def _with_networks(call: Call) -> bool:
    return call.version <= _NETWORKS_UNTIL


def _given(body: Mapping[str, Any]) -> dict[str, int]:
    """The limits that are asked for, by the names under which they are held."""
    names = (*_REAL, *_INJECTED, *_NETWORKS)
    return {_NETWORKS.get(name, name): as_int(body[name], name, least=-1) for name in names if name in body}


def _check_path(given: dict[str, Any], name: str, path: str) -> None:
    """Raises `BadInput` where a body names another thing than its path."""
    if given.get(name, path) != path:
        raise BadInput(
            f"{name} is {given[name]}, and the path names {path}", remedy="Leave it out.", code="fixed-attribute"
        )


def _set_reply(call: Call, quota: Quota, *, with_id: bool = True) -> Reply:
    shown = {"id": call.path["project"]} if with_id else {}
    return Reply({"quota_set": {**shown, **_limits(call, quota.limits)}})


def _show(call: Call) -> Reply:
    return _set_reply(call, _quota(call))


def _quota(call: Call) -> Quota:
    project, user, networks = call.path["project"], call.text("user_id"), _with_networks(call)
    found = (
        user_quotas.get_user_quota(call.control, call.caller, project, user, call.rule, networks=networks)
        if user
        else quotas.get_quota(call.control, call.caller, project, call.rule, networks=networks, images=False)
    )
    quotas.require_project(call.control, project)  # after the rights: a stranger learns nothing of which there are
    return found


def _defaults(call: Call) -> Reply:
    shown = _limits(call, quotas.get_defaults(call.control, networks=_with_networks(call)))
    return Reply({"quota_set": {"id": call.path["project"], **shown}})


def _detail(call: Call) -> Reply:
    quota = _quota(call)
    rows = {
        name: {"limit": limit, "in_use": quota.used.get(_NETWORKS.get(name, name), 0), "reserved": 0}
        for name, limit in _limits(call, quota.limits).items()
    }
    return Reply({"quota_set": {"id": call.path["project"], **rows}})


def _set(call: Call) -> Reply:
    given = call.body["quota_set"]
    force = as_bool(given.get("force", False), "force")
    project = call.path["project"]
    _check_path(given, "tenant_id", project)
    user = call.query.get("user_id")
    if user is not None:  # an empty one is no user, and not the whole project
        changed = user_quotas.set_user_quota(
            call.control,
            call.caller,
            project,
            user,
            _given(given),
            networks=_with_networks(call),
            force=force,
            rule=call.rule,
        )
    else:
        changed = quotas.set_quota(
            call.control,
            call.caller,
            project,
            _given(given),
            networks=_with_networks(call),
            images=False,
            force=force,
            rule=call.rule,
        )
    return _set_reply(call, changed, with_id=False)


def _reset(call: Call) -> Reply:
    user = call.query.get("user_id")
    if user is not None:
        user_quotas.reset_user_quota(call.control, call.caller, call.path["project"], user, call.rule)
        return Reply(status=202)
    of_networks = tuple(_NETWORKS.values()) if _with_networks(call) else ()
    quotas.reset_quota(
        call.control, call.caller, call.path["project"], call.rule, of_networks=of_networks, keeping=OF_IMAGES
    )
    return Reply(status=202)


def _class_limits(call: Call, limits: Mapping[str, int]) -> dict[str, object]:
    groups = () if call.version >= _CLASS_GROUPS_SINCE else _GROUPS
    names = [name for name in _names_at(call, _CLASS_GONE_UNTIL) if name not in groups]
    return {name: limits.get(_NETWORKS.get(name, name), UNLIMITED) for name in names}


def _show_class(call: Call) -> Reply:
    shown = _class_limits(call, quotas.get_defaults(call.control, networks=call.version <= _CLASS_GONE_UNTIL))
    return Reply({"quota_class_set": {"id": call.path["name"], **shown}})


def _set_class(call: Call) -> Reply:
    """Sets the limits of projects without their own; as in Nova there is one class, whatever its name."""
    given = call.body["quota_class_set"]
    _check_path(given, "id", call.path["name"])
    networks = call.version <= _CLASS_GONE_UNTIL
    changed = quotas.set_defaults(call.control, call.caller, _given(given), call.rule, networks=networks)
    return Reply({"quota_class_set": _class_limits(call, changed)})


def _names(limit: Definition) -> dict[str, Property]:
    """The resources of a quota, each with this."""
    until = {**dict.fromkeys(_INJECTED, _INJECTED_UNTIL), **dict.fromkeys(_NETWORKS, _NETWORKS_UNTIL)}
    return {**dict.fromkeys(_REAL, limit), **{name: Part(limit, until=last) for name, last in until.items()}}


def _class_names() -> dict[str, Property]:
    gone = {name: Part(NUMBER, until=_CLASS_GONE_UNTIL) for name in _NETWORKS}
    return {**_names(NUMBER), **gone, **{name: Part(NUMBER, since=_CLASS_GROUPS_SINCE) for name in _GROUPS}}


_USED = shape({"limit": NUMBER, "in_use": NUMBER, "reserved": NUMBER}, "used")
_WITH_ID = shape({"id": TEXT, **_names(NUMBER)}, "quota")
_WITHOUT_ID = shape(_names(NUMBER), "changed-quota")
_SHOWN = wrap("quota_set", _WITH_ID)

_OF = {"user_id": WORD}

OPERATIONS = (
    Operation("GET", _ROOT, _show, query=_OF, strict=STRICT, rule="os_compute_api:os-quota-sets:show", answer=_SHOWN),
    Operation("GET", f"{_ROOT}/defaults", _defaults, rule="os_compute_api:os-quota-sets:defaults", answer=_SHOWN),
    Operation(
        "GET",
        f"{_ROOT}/detail",
        _detail,
        query=_OF,
        strict=STRICT,
        rule="os_compute_api:os-quota-sets:detail",
        answer=wrap("quota_set", shape({"id": TEXT, **_names(_USED)})),
    ),
    Operation(
        "PUT",
        _ROOT,
        _set,
        _SET,
        query=_OF,
        rule="os_compute_api:os-quota-sets:update",
        answer=wrap("quota_set", _WITHOUT_ID),
    ),
    Operation("DELETE", _ROOT, _reset, query=_OF, rule="os_compute_api:os-quota-sets:delete"),
    Operation(
        "GET",
        _CLASS,
        _show_class,
        rule="os_compute_api:os-quota-class-sets:show",
        answer=wrap("quota_class_set", shape({"id": TEXT, **_class_names()}, "quota-class")),
    ),
    Operation(
        "PUT",
        _CLASS,
        _set_class,
        _SET_CLASS,
        rule="os_compute_api:os-quota-class-sets:update",
        answer=wrap("quota_class_set", shape(_class_names(), "changed-quota-class")),
    ),
)
