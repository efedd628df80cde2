"""Which servers a list holds: all of Nova's filters and sort keys.

A filter that is ignored is dangerous (a script deletes what it lists): one that only an admin may use is refused to
others, and parameters that Nova does not know are ignored below 2.75 and refused from then on, as in Nova (`Operation.check_query`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from busway.api.call import Call
from busway.api.compute.links import CHANGES_SINCE, MAX_LIMIT, changes_of
from busway.api.compute.server_states import STATUSES_OF_VM_STATE
from busway.api.schema import FLAG, PAGE, WORD, Definition, as_bool, as_moment
from busway.control.servers.read import list_servers
from busway.domain.errors import BadInput, Forbidden
from busway.domain.ids import ProjectId
from busway.domain.requests import ServerFilter
from busway.domain.server import POWER_STATE_NUMBERS, Server, ServerStatus
from busway.policy import authorize
from busway.store.server_list import SERVER_SORT_KEYS

_ALL_FILTERS = "os_compute_api:servers:allow_all_filters"
# Filters that are regular expressions, and the field of each.
_PATTERNS = {
    "name": "name",
    "display_name": "name",
    "hostname": "hostname",
    "description": "description",
    "display_description": "description",
    "ip": "ip",
    "ip6": "ip6",
}
_WITHIN = {"created_at": "created", "launched_at": "launched", "terminated_at": "terminated"}
# Filters on what is the same for every server.
_CONSTANTS = {"progress": "0", "kernel_id": "", "ramdisk_id": "", "root_device_name": "/dev/vda"}
_ADMINS_ONLY = frozenset({"host", "node", "deleted", "soft_deleted", "instance_name"})
_TAGS = {"tags": "tags", "tags-any": "any_tags", "not-tags": "not_tags", "not-tags-any": "not_any_tags"}
_FLAGS = frozenset({"all_tenants", "deleted", "soft_deleted", "config_drive"})
_WORDS = (
    *("status", "vm_state", "task_state", "power_state", "host", "node", "image", "image_ref", "flavor", "project_id"),
    *("tenant_id", "user_id", "uuid", "key_name", "availability_zone", "instance_name", "reservation_id"),
    *("access_ip_v4", "access_ip_v6", "auto_disk_config", "locked", "launch_index"),
    *("changes-since", "changes-before", "sort_key", "sort_dir", *_PATTERNS, *_WITHIN, *_CONSTANTS, *_TAGS),
)
_KNOWN = frozenset({*PAGE, *_FLAGS, *_WORDS})
QUERY: Definition = {**PAGE, **{name: FLAG if name in _FLAGS else WORD for name in sorted(_KNOWN) if name not in PAGE}}

QUERY_SINCE = {**dict.fromkeys(_TAGS, 26), "locked": 73, **CHANGES_SINCE}


def list_chosen(call: Call) -> tuple[list[Server], int | None]:
    """The servers that the query asks for, and the limit that it gave."""
    _check_names(call)
    asked = call.number("limit")
    limit = MAX_LIMIT if asked is None else min(asked, MAX_LIMIT)
    found = list_servers(call.control, call.caller, _filter(call, limit)) if limit else []
    return found, asked


def _filter(call: Call, limit: int) -> ServerFilter:
    all_projects = call.flag("all_tenants")
    if all_projects:
        authorize(call.caller, f"{call.rule}:get_all_tenants")
    project = call.text("project_id") or call.text("tenant_id")
    statuses = _statuses(call)
    since, before = changes_of(call)
    return ServerFilter(
        patterns={field: text for name, field in _PATTERNS.items() if (text := call.text(name)) is not None},
        equal=_equal(call),
        within={
            field: moment for name, field in _WITHIN.items() if (moment := as_moment(call.text(name), name)) is not None
        },
        statuses=statuses,
        locked=as_bool(text, "locked") if call.version >= 73 and (text := call.text("locked")) else None,
        host=call.text("host") or call.text("node"),
        zone=call.text("availability_zone"),
        reservation=call.text("reservation_id"),
        tags=_tags(call, "tags"),
        any_tags=_tags(call, "tags-any"),
        not_tags=_tags(call, "not-tags"),
        not_any_tags=_tags(call, "not-tags-any"),
        project_id=ProjectId(project) if project and all_projects else None,
        all_projects=all_projects,
        deleted=call.flag("deleted"),
        soft_deleted=call.flag("deleted" if call.text("soft_deleted") is None else "soft_deleted"),
        changes_since=since,
        changes_before=before,
        nothing=statuses == frozenset() or any(call.text(name) not in (None, has) for name, has in _CONSTANTS.items()),
        sort=_sort(call),
        limit=limit,
        marker=call.text("marker"),
    )


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _number_of_name(name: str) -> int:
    """The number in a libvirt domain's name; -1, which no server has, in any other."""
    found = re.fullmatch(r"instance-([0-9a-f]{8})", name)
    return int(found[1], 16) if found else -1


_DIGITS = 6  # more than a place among the servers of one request can have
_POWERS = {str(number): str(power) for power, number in POWER_STATE_NUMBERS.items()}
_EQUAL: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "image": ("image_id", _last),
    "image_ref": ("image_id", _last),
    "flavor": ("flavor_id", _last),
    "user_id": ("user_id", str),
    "uuid": ("id", str),
    "key_name": ("key_name", str),
    "task_state": ("task_state", str),
    "power_state": ("power", lambda text: _POWERS.get(text, text)),
    "config_drive": ("config_drive", lambda text: as_bool(text, "config_drive")),
    "access_ip_v4": ("access_ipv4", str),
    "access_ip_v6": ("access_ipv6", str),
    "auto_disk_config": ("disk_config", lambda text: "AUTO" if as_bool(text, "auto_disk_config") else "MANUAL"),
    "instance_name": ("number", _number_of_name),
    "launch_index": ("launch_index", lambda text: int(text) if text.isdecimal() and len(text) < _DIGITS else -1),
}


def _equal(call: Call) -> dict[str, object]:
    return {column: parse(text) for name, (column, parse) in _EQUAL.items() if (text := call.text(name)) is not None}


def _statuses(call: Call) -> frozenset[ServerStatus] | None:
    """The statuses that are asked for by their own names or as `vm_state`; None for any."""
    found: frozenset[ServerStatus] | None = None
    words = [word for word in call.query.getlist("status") if word]
    if words:
        known = {str(status) for status in ServerStatus}
        found = frozenset(ServerStatus(word.upper()) for word in words if word.upper() in known)
        unknown = [word for word in words if word.upper() not in known]
        if unknown and call.version >= 38:
            raise BadInput(
                f"Invalid status value: '{unknown[0]}'", remedy=f"The values are {', '.join(sorted(known))}."
            )
    if (state := call.text("vm_state")) is not None:
        statuses = STATUSES_OF_VM_STATE.get(state, frozenset())
        found = statuses if found is None else found & statuses
    if found is not None and ServerStatus.DELETED in found and not call.may(_ALL_FILTERS):
        raise Forbidden("Only administrators may list deleted instances", code="server-filter-admin")
    return found


def _tags(call: Call, name: str) -> tuple[str, ...]:
    text = call.text(name) if call.version >= 26 else None
    return tuple(dict.fromkeys(text.split(","))) if text else ()


def _sort(call: Call) -> tuple[tuple[str, bool], ...]:
    keys, directions = call.query.getlist("sort_key"), call.query.getlist("sort_dir")
    keys = keys or (["created_at"] if directions else [])
    if len(directions) > len(keys):
        raise BadInput("Sort direction size exceeds sort key size", code="server-sort")
    found = []
    for index, key in enumerate(keys):
        direction = directions[index] if index < len(directions) else (directions or ["desc"])[-1]
        if key not in SERVER_SORT_KEYS or direction not in ("asc", "desc"):
            raise BadInput(
                f"Servers can't be sorted by {key}:{direction}",
                detail=f"Keys are {', '.join(sorted(SERVER_SORT_KEYS))}; directions are asc and desc.",
                remedy="Choose one of these.",
                code="server-sort",
            )
        if key in ("host", "node") and not call.may(_ALL_FILTERS):
            raise Forbidden(f"Only administrators may sort servers by {key}", code="server-filter-admin")
        found.append((key, direction == "desc"))
    return tuple(found)


def _check_names(call: Call) -> None:
    for name in call.query:
        if name in _ADMINS_ONLY and call.text(name) is not None and not call.may(_ALL_FILTERS):
            raise Forbidden(
                f"Only administrators may filter servers by {name}",
                remedy=f"Omit {name}.",
                code="server-filter-admin",
            )
