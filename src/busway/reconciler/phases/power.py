"""Power: the guest runs, is off, or is rebooted, each as often as its user asked."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import DestroyDomain, RebootDomain, RecordCounters, StartDomain, Step, StopDomain


def leave_old_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """A guest that runs on a disk that is not its disk any more ends; the next plan sees it off."""
    yield DestroyDomain(server.id, f"it runs on disk {here.disk} and must have disk {server.disks[-1]}")


def change_running(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Stops or reboots a guest that runs."""
    stopping = here.stop_asked and here.starts < server.starts  # stopped and started again before it was off
    if stopping or not server.powered:
        yield from _power_off(server, here)
        return
    if here.reboots < server.reboots and here.starts >= server.starts:
        yield RebootDomain(server.id, f"reboot {server.reboots} is asked for", server.hard_reboot)
    yield from _record(server, here)


def start(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Starts a guest that is off: when its user asked once more, or asked for a hard reboot."""
    if not server.powered:
        return
    if here.starts < server.starts:
        yield StartDomain(server.id, f"start {server.starts} is asked for")
    elif server.hard_reboot and here.reboots < server.reboots:  # one that was cut in its middle ends so too
        yield StartDomain(server.id, f"hard reboot {server.reboots} is asked for and the guest is off")
    yield from _record(server, here)


def _record(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    if here.starts < server.starts or here.reboots < server.reboots:
        yield RecordCounters(server.id, "counters follow the act", server.starts, server.reboots)


def _power_off(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    if here.stop_overdue:
        yield DestroyDomain(server.id, "the guest did not follow the ACPI shutdown in time")
    elif not here.stop_asked:
        yield StopDomain(server.id, "the server must be off and its guest runs")
