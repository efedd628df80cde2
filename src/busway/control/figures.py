"""The figures that metrics read from the database and from this process: a fixed number of queries, however often they are read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from busway import __version__
from busway.control.context import Control
from busway.control.devices.listing import DeviceView, device_views
from busway.control.devices.recycle import USED_ONCE
from busway.control.placement.snapshot import is_up
from busway.domain.handover import is_verdict
from busway.domain.status import DeviceStatus
from busway.metrics.family import Figure
from busway.store import claims, hosts, server_counts
from busway.store.database import Tx


def read_figures(control: Control) -> Iterator[Figure]:
    """All figures of `busway.metrics.control` that are read; those of the database from one view of it."""
    began = time.monotonic()
    with control.db.read() as tx:
        found = [*_devices(control, tx), *_claims(tx), *_servers(control, tx), *_hosts(control, tx)]
    yield Figure("busway_info", 1, (__version__,))
    yield from found
    yield Figure("busway_database_seconds", time.monotonic() - began)
    yield Figure("busway_database_connections", control.db.connections)
    yield from _loops(control)


def quarantine_kind(reason: str) -> str:
    """One word for why a device is set aside: the reason itself names addresses and programs without end."""
    if reason == USED_ONCE:
        return "used-once"
    return "handover" if is_verdict(reason) else "fault"


def _devices(control: Control, tx: Tx) -> Iterator[Figure]:
    counts = Counter(_labels(view) for view in device_views(control, tx) if view.status is not None)
    for labels, count in sorted(counts.items()):
        yield Figure("busway_devices", count, labels)


def _labels(view: DeviceView) -> tuple[str, ...]:
    quarantine = quarantine_kind(view.reason) if view.status is DeviceStatus.QUARANTINED else ""
    name = view.description.partition(": ")[2].rpartition(" [")[0]
    return view.host, f"{view.vendor_id}:{view.product_id}", name, str(view.status), quarantine


def _claims(tx: Tx) -> Iterator[Figure]:
    for state, count in sorted(claims.count_live(tx).items()):
        yield Figure("busway_claims", count, (state,))


def _servers(control: Control, tx: Tx) -> Iterator[Figure]:
    for (status, task), count in sorted(server_counts.count_by_state(tx).items()):
        yield Figure("busway_servers", count, (status, task))
    waiting, oldest = server_counts.count_unplaced(tx)
    age = (control.now() - oldest).total_seconds() if oldest is not None else 0
    yield Figure("busway_servers_waiting", waiting)
    yield Figure("busway_servers_waiting_oldest_seconds", max(age, 0))


def _hosts(control: Control, tx: Tx) -> Iterator[Figure]:
    now = control.now()
    for row in hosts.list_hosts(tx):
        yield Figure("busway_host_up", is_up(control.settings, row, now), (row.name,))
        yield Figure("busway_host_enabled", row.enabled, (row.name,))
        if row.seen is not None:
            yield Figure("busway_host_report_age_seconds", max((now - row.seen).total_seconds(), 0), (row.name,))


def _loops(control: Control) -> Iterator[Figure]:
    for name, record in sorted(control.loops.all().items()):
        yield Figure("busway_loop_turns_total", record.turns, (name,))
        yield Figure("busway_loop_turns_failed_total", record.failed, (name,))
        yield Figure("busway_loop_items_failed_total", record.items_failed, (name,))
        yield Figure("busway_loop_seconds_total", record.seconds, (name,))
        yield Figure("busway_loop_last_run_timestamp_seconds", record.last_run, (name,))
