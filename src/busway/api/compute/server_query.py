"""Which servers a list shall hold: Nova's filters that Busway knows, and a refusal of those that it does not.

A filter that is ignored is dangerous (a script deletes what it lists), so a known filter of Nova's without meaning
here is a 400; parameters that Nova does not know either are ignored below 2.75 and refused from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from busway.api.call import Call
from busway.api.compute.links import MAX_LIMIT
from busway.api.schema import FLAG, PAGE, WORD, Definition
from busway.control.servers.read import list_servers
from busway.domain.errors import BadInput
from busway.domain.ids import ImageId, ProjectId
from busway.domain.requests import ServerFilter
from busway.domain.server import Server
from busway.policy import authorize

_KNOWN = frozenset(
    [
        "name",
        "status",
        "host",
        "all_tenants",
        "deleted",
        "changes-since",
        "limit",
        "marker",
        "image",
        "flavor",
        "project_id",
        "tenant_id",
        "node",
        "sort_key",
        "sort_dir",
        "soft_deleted",
        "uuid",
        "user_id",
    ]
)
_UNSUPPORTED = frozenset(
    [
        "ip",
        "ip6",
        "tags",
        "tags-any",
        "not-tags",
        "not-tags-any",
        "locked",
        "changes-before",
        "availability_zone",
        "config_drive",
        "key_name",
        "launched_at",
        "terminated_at",
        "power_state",
        "progress",
        "vm_state",
        "task_state",
        "hostname",
        "instance_name",
        "reservation_id",
        "created_at",
        "description",
        "access_ip_v4",
        "access_ip_v6",
        "auto_disk_config",
        "kernel_id",
        "ramdisk_id",
        "launch_index",
        "root_device_name",
        "display_description",
        "display_name",
        "host_status",
    ]
)
_FLAGS = frozenset({"all_tenants", "deleted"})
QUERY: Definition = {
    **PAGE,
    **{name: FLAG if name in _FLAGS else WORD for name in sorted(_KNOWN) if name not in PAGE},
}


def list_chosen(call: Call) -> tuple[list[Server], int | None]:
    """The servers that the query asks for, and the limit that it gave."""
    _check_names(call)
    limit = min(call.number("limit") or MAX_LIMIT, MAX_LIMIT)
    wanted = _filter(call, limit)
    found = list_servers(call.control, call.caller, wanted)
    return found, limit if "limit" in call.query else None


def _filter(call: Call, limit: int) -> ServerFilter:
    admin = call.may("os_compute_api:servers:allow_all_filters")
    all_projects = call.flag("all_tenants")
    if all_projects:
        authorize(call.caller, f"{call.rule}:get_all_tenants")
    image = call.text("image")
    project = call.text("project_id") or call.text("tenant_id")
    return ServerFilter(
        name=call.text("name"),
        status=call.text("status"),
        host=(call.text("host") or call.text("node")) if admin else None,
        image_id=ImageId(image) if image else None,
        flavor_id=call.text("flavor"),
        project_id=ProjectId(project) if project and all_projects else None,
        all_projects=all_projects,
        deleted=admin and call.flag("deleted"),
        changes_since=_moment(call.text("changes-since")),
        limit=limit,
        marker=call.text("marker"),
    )


def _check_names(call: Call) -> None:
    for name in call.query:
        if name in _UNSUPPORTED and call.text(name) is not None:
            raise BadInput(
                f"Servers can't be filtered by {name}",
                remedy=f"Leave {name} out and filter the list yourself.",
                code="server-filter",
            )
        if name not in _KNOWN and name not in _UNSUPPORTED and call.version >= 75:
            raise BadInput(f"Additional properties are not allowed ('{name}' was unexpected)", code="unknown-query")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise BadInput(f"changes-since '{text}' is not an ISO 8601 time", code="not-a-time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
