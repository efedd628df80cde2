"""The host has memory free for the guest that is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.pages import read_pages
from busway.doctor.sizes import size_words

_OVERHEAD = 1 << 30


def _find(host: Host) -> Iterator[Finding]:
    memory, total, available = host.wish.memory, host.meminfo("MemTotal"), host.meminfo("MemAvailable")
    if memory is None or total is None or available is None or memory + _OVERHEAD > total:
        return
    if memory + _OVERHEAD <= available or any(pool.usable * pool.size >= memory for pool in read_pages(host)):
        return
    yield CHECK.found(
        f"A guest with {size_words(memory)} of memory does not fit into the memory that is free now",
        cause=f"{available >> 20} MiB are available; a guest with a passed card pins all of its memory at its start, "
        "and 1 GiB more.",
        remedy="Stop other guests or programs, or give the guest less. Huge pages that nobody uses count as taken.",
        evidence=(Evidence("/proc/meminfo", f"MemAvailable: {available >> 10} kB"),),
        after="freeing memory for it",
    )


CHECK = Check("memory-free", Stage.GUEST, Severity.BLOCKS, "Memory for the guest is free", host=_find)
