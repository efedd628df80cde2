"""The host can pin the memory of the guest."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.sizes import size_words
from busway.hardware.arithmetic import GIB, DeviceBars, GuestWish, judge


def _find(host: Host) -> Iterator[Finding]:
    total = host.meminfo("MemTotal")
    wanted = judge(GuestWish(host.guest_memory, (DeviceBars("card"),))).locked_memory
    if not total or wanted <= total:
        return
    most = f"at most {total // GIB - 1} GiB of memory" if total // GIB > 1 else "a few hundred MiB of memory"
    yield CHECK.found(
        f"A guest with {size_words(host.guest_memory)} of memory can't be pinned on this host",
        cause=f"VFIO locks all memory of a guest: {size_words(wanted)} with its overhead; there are {total >> 20} MiB in all. "
        "Balloons and overcommitment do not help.",
        remedy=f"Give the guest {most}.",
        evidence=(Evidence("/proc/meminfo", f"MemTotal: {total >> 10} kB"),),
        after=f"giving the guest {most}",
    )


CHECK = Check("guest-memory", Stage.GUEST, Severity.BLOCKS, "The guest's memory can be locked", host=_find)
