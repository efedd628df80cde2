"""One query for all hosts whose agents wait or have repeated their last report: their generations, and when they were seen."""

from __future__ import annotations

from collections.abc import Collection

from busway.control.context import Control
from busway.domain.ids import HostId
from busway.store import hosts


def look(control: Control, waiting: Collection[HostId]) -> dict[HostId, int]:
    """The generations of the hosts that wait; those that reported the same again are marked as seen."""
    reported = control.reports.waiting()
    concerned = {*waiting, *reported}
    if not concerned:
        return {}
    with control.db.read() as tx:
        marks = hosts.marks_of(tx, concerned)
    control.reports.drop(host_id for host_id in reported if host_id not in marks)
    again = control.reports.take(marks)
    if again:
        with control.db.write() as tx:
            hosts.mark_seen(tx, {host_id: (each.sequence, each.at) for host_id, each in again.items()})
    return {host_id: marks[host_id].generation for host_id in waiting if host_id in marks}
