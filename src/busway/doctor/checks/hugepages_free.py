"""Huge pages that are reserved are free for the guest."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.pages import read_pages
from busway.doctor.sizes import size_words


def _find(host: Host) -> Iterator[Finding]:
    memory = host.wish.memory
    pools = [pool for pool in read_pages(host) if pool.total]
    if memory is None or not pools or any(pool.usable * pool.size >= memory for pool in pools):
        return
    best = max(pools, key=lambda pool: pool.usable * pool.size)
    if best.total * best.size < memory:
        return  # too few by plan: such a guest is not meant to use them
    nodes = ", ".join(f"node {node}: {free}" for node, free in best.nodes)
    yield CHECK.found(
        f"Of {best.total} huge pages of {size_words(best.size)} a guest can have {best.usable}, and "
        f"{size_words(memory)} are asked for",
        cause=f"{best.free} are free and {best.reserved} of these are reserved by programs that have not used them yet"
        + (f"; free on {nodes}." if nodes else "."),
        remedy="Stop what holds them, give the guest less, or reserve more at boot.",
        evidence=(Evidence(best.folder, f"nr {best.total}, free {best.free}, resv {best.reserved}"),),
        after=f"freeing {memory // best.size - best.usable} huge pages",
    )


CHECK = Check("hugepages-free", Stage.GUEST, Severity.BLOCKS, "Reserved huge pages are free", host=_find)
