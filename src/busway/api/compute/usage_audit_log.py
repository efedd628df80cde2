"""`os-instance_usage_audit_log`: the periodic audit of usage of each host, of which Busway has none.

Source: nova/api/openstack/compute/instance_usage_audit_log.py. Nova answers so where `instance_usage_audit` is off: no host
has run it. Usage is exact here without it, for the ledger is written with each claim (`busway usage`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from busway.api.answer import EMPTY_OBJECT, NUMBER, TEXT, array, shape, wrap
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.control.hosts import registry as hosts
from busway.domain.errors import BadInput

_ROOT = "/compute/v2.1/os-instance_usage_audit_log"
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
_SHOWN = "%Y-%m-%d %H:%M:%S"


def _list(call: Call) -> Reply:
    return Reply({"instance_usage_audit_logs": _audit(call, call.control.now())})


def _show(call: Call) -> Reply:
    return Reply({"instance_usage_audit_log": _audit(call, _moment(call.path["before"]))})


def _audit(call: Call, before: datetime) -> dict[str, object]:
    """The last whole month before a moment, in which nothing was audited."""
    ends = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = ends.replace(year=ends.year - (ends.month == 1), month=ends.month - 1 or 12)
    names = [host.name for host in hosts.list_hosts(call.control, call.caller, call.rule)]
    return {
        "period_beginning": begins.strftime(_SHOWN),
        "period_ending": ends.strftime(_SHOWN),
        "hosts_not_run": names,
        "log": {},
        "num_hosts": len(names),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": len(names),
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": f"0 of {len(names)} hosts done. 0 errors.",
    }


def _moment(text: str) -> datetime:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadInput(
        f"Invalid timestamp for date {text[:64]}", remedy="Write it like 2026-01-31 12:00:00.", code="not-a-time"
    )


_COUNTS = ("num_hosts", "num_hosts_done", "num_hosts_running", "num_hosts_not_run", "total_instances", "total_errors")
_AUDIT = shape(
    {
        **dict.fromkeys(("period_beginning", "period_ending", "overall_status"), TEXT),
        **dict.fromkeys(_COUNTS, NUMBER),
        "hosts_not_run": array(TEXT),
        "log": EMPTY_OBJECT,
    },
    "usage-audit",
)

OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        rule="os_compute_api:os-instance-usage-audit-log:list",
        answer=wrap("instance_usage_audit_logs", _AUDIT),
    ),
    Operation(
        "GET",
        f"{_ROOT}/{{before}}",
        _show,
        rule="os_compute_api:os-instance-usage-audit-log:show",
        answer=wrap("instance_usage_audit_log", _AUDIT),
    ),
)
