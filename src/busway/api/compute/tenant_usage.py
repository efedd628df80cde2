"""`os-simple-tenant-usage`: server-hours by project, from the lives of the servers.

Source: nova/api/openstack/compute/simple_tenant_usage.py. A server counts from its first start until it was deleted,
with the flavor that it has now. From 2.40 on servers are paged, by project and id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from busway.api.answer import EMPTY_OBJECT, choice, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import NEXT, USAGE
from busway.api.compute.links import STRICT, limit_of, next_link
from busway.api.compute.server_fields import vm_state
from busway.api.encoding import micro_time
from busway.api.operation import Operation
from busway.api.schema import COUNT, WORD, Definition
from busway.control.usage import list_lives
from busway.domain.errors import BadInput
from busway.policy import authorize
from busway.store.server_lives import Life

_ROOT = "/compute/v2.1/os-simple-tenant-usage"
_LIST, _SHOW = "os_compute_api:os-simple-tenant-usage:list", "os_compute_api:os-simple-tenant-usage:show"
_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
_PAGED = 40


def _list(call: Call) -> Reply:
    authorize(call.caller, _LIST)
    start, end = _window(call)
    lives = _lives(call, start, end, None)
    detailed = (call.text("detailed") or "0").lower() in ("1", "true")  # python-openstackclient says True
    usages = [
        _summary(call, project, list(group), start, end, detailed=detailed)
        for project, group in groupby(lives, lambda life: life.project_id)
    ]
    return Reply({"tenant_usages": usages, **_next(call, "tenant_usages_links", _ROOT, lives)})


def _show(call: Call) -> Reply:
    project = call.path["id"]
    authorize(call.caller, _SHOW, {"project_id": project})
    start, end = _window(call)
    lives = _lives(call, start, end, project)
    usage = _summary(call, project, lives, start, end, detailed=True) if lives else {}
    links = _next(call, "tenant_usage_links", f"{_ROOT}/{project}", lives)
    return Reply({"tenant_usage": usage, **links})


def _window(call: Call) -> tuple[datetime, datetime]:
    now = call.control.now()
    start, end = _moment(call.text("start"), now), _moment(call.text("end"), now)
    if start > end:
        raise BadInput(
            "Invalid start time. The start time cannot occur after the end time.",
            remedy="Choose a start time before the end time.",
            code="usage-window",
        )
    return start, min(end, now)


def _moment(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadInput(
        f"Invalid datetime string: {text[:64]}", remedy="Write it like 2026-01-31T12:00:00.", code="not-a-time"
    )


def _lives(call: Call, start: datetime, end: datetime, project: str | None) -> Sequence[Life]:
    if call.version < _PAGED:
        return list_lives(call.control, start, end, project, limit=None, marker=None)
    return list_lives(call.control, start, end, project, limit=limit_of(call), marker=call.text("marker"))


def _next(call: Call, key: str, path: str, lives: Sequence[Life]) -> dict[str, object]:
    """The link to the next page, where this one is full; Nova leaves the key out else."""
    if call.version < _PAGED or not lives or len(lives) < limit_of(call):
        return {}
    return {key: next_link(call, path, lives[-1].id)}


def _summary(
    call: Call, project: str, lives: Sequence[Life], start: datetime, end: datetime, *, detailed: bool
) -> dict[str, object]:
    hours = [(life, life.hours(start, end)) for life in lives]
    summary: dict[str, object] = {
        "tenant_id": project,
        "start": micro_time(start),
        "stop": micro_time(end),
        "total_hours": sum(spent for _, spent in hours),
        "total_vcpus_usage": sum(life.flavor.vcpus * spent for life, spent in hours),
        "total_memory_mb_usage": sum(life.flavor.ram_mb * spent for life, spent in hours),
        "total_local_gb_usage": sum(_disk_gb(life) * spent for life, spent in hours),
    }
    if detailed:
        summary["server_usages"] = [_server(life, spent, project, call.control.now()) for life, spent in hours]
    return summary


def _server(life: Life, hours: float, project: str, now: datetime) -> dict[str, object]:
    ended = life.terminated
    return {
        "instance_id": life.id,
        "name": life.name,
        "tenant_id": project,
        "hours": hours,
        "flavor": life.flavor.name,
        "vcpus": life.flavor.vcpus,
        "memory_mb": life.flavor.ram_mb,
        "local_gb": _disk_gb(life),
        "started_at": micro_time(life.launched),
        "ended_at": None if ended is None else micro_time(ended),
        "state": vm_state(life.status) if ended is None else "terminated",
        "uptime": int(((ended or now) - life.launched).total_seconds()),
    }


def _disk_gb(life: Life) -> int:
    return life.flavor.disk_gb + life.flavor.ephemeral_gb


_QUERY: Definition = {"start": WORD, "end": WORD, "limit": COUNT, "marker": WORD}

OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        query={**_QUERY, "detailed": WORD},
        strict=STRICT,
        rule=_LIST,
        answer=wrap_list("tenant_usages", USAGE, tenant_usages_links=NEXT),
    ),
    Operation(
        "GET",
        f"{_ROOT}/{{id}}",
        _show,
        query=_QUERY,
        strict=STRICT,
        rule=_SHOW,
        answer=wrap("tenant_usage", choice(USAGE, EMPTY_OBJECT), tenant_usage_links=NEXT),
    ),
)
