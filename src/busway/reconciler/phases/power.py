"""Power: starts, stops, pauses, saves or reboots the guest, each as often as its user asked."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.domain.grant import names_of
from busway.domain.server import Hold, PowerState
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import (
    DestroyDomain,
    ForgetSaved,
    PauseDomain,
    RebootDomain,
    RecordCounters,
    SaveDomain,
    StartDomain,
    Step,
    StopDomain,
    UnpauseDomain,
)


def leave_old_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Ends a guest that runs on an outdated root disk; the next plan starts it on the new one."""
    yield DestroyDomain(server.id, f"it runs on disk {here.disk} and must have disk {server.disks[-1]}")


def change_system(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Shuts a guest down to begin or end a rescue; the next plan boots it from the other disk."""
    if here.paused:
        yield UnpauseDomain(server.id, "the server must boot from another disk, and a paused guest can't follow")
    yield from _power_off(server, here)


def change_running(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Stops, reboots, pauses, unpauses or saves a guest that runs."""
    stopping = here.stop_asked and here.starts < server.starts  # stopped and started again before it was off
    if stopping or not server.powered:
        if here.paused:
            yield UnpauseDomain(server.id, "the server must be off, and a paused guest can't follow")
        yield from _power_off(server, here)
        return
    if here.reboots < server.reboots and here.starts >= server.starts:
        yield RebootDomain(server.id, f"reboot {server.reboots} is asked for", server.hard_reboot)
    elif server.hold is Hold.SUSPENDED:
        yield SaveDomain(server.id, "the server is suspended and its guest runs")
    elif server.hold is Hold.PAUSED and here.power is PowerState.RUNNING:
        yield PauseDomain(server.id, "the server is paused and its guest runs")
    elif server.hold is None and here.paused:
        yield UnpauseDomain(server.id, "the server must run and its guest is paused")
    yield from _record(server, here)


def is_kept(server: DesiredServer, here: LocalServer) -> bool:
    """True for a guest with saved memory that can be restored: same devices, same disk, and no boot asked for since."""
    boots = here.starts < server.starts or (server.hard_reboot and here.reboots < server.reboots)
    same = (here.disk, here.rescue) == (server.disks[-1], server.rescue_disk) and here.attached_names == names_of(
        server.devices
    )
    return here.saved and server.powered and not boots and same


def go_on(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Restores a guest from its saved memory, unless its server is suspended."""
    if server.hold is not Hold.SUSPENDED:
        yield StartDomain(server.id, "the server must run and its guest's memory is saved")
        yield from _record(server, here)


def forget_saved(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Removes saved memory that must not be restored: libvirt would resume the old guest on a disk that has changed."""
    if here.saved:
        yield ForgetSaved(server.id, "its guest's memory is saved and must not continue")


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
        yield StopDomain(server.id, "its guest runs and must not, or not from this disk")
    elif here.stop_again:
        yield StopDomain(server.id, "the guest has not followed the ACPI shutdown: it may have been booting")
