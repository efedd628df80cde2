"""Hands a running guest over to another libvirt: peer to peer, by sockets of this host that lead there.

The guest arrives standing still. libvirt would let it continue by itself, but when its connection breaks at the very end, it can't know whether it has
done so, and lets the source's guest continue as well: then there are two.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import libvirt

from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress
from busway.hypervisor.live import LiveWatch, LiveWay

_LOOK = 0.5  # seconds between two looks at the progress
_ENDING = 60.0  # seconds that libvirt may take to give up
_FLAGS = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_PAUSED
    | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
)


def hand_over(connection: Any, other: Any, server_id: ServerId, way: LiveWay, watch: LiveWatch) -> LiveProgress:
    """Migrates by one connection and looks by the `other`; raises libvirt's error, or what `watch` raises."""
    domain = connection.lookupByUUIDString(server_id)
    seen = other.lookupByUUIDString(server_id)
    flags = _FLAGS | (libvirt.VIR_MIGRATE_NON_SHARED_DISK if way.whole else libvirt.VIR_MIGRATE_NON_SHARED_INC)
    errors: list[BaseException] = []
    began = time.monotonic()
    ended = threading.Event()

    def migrate() -> None:
        try:
            domain.migrateToURI3(f"qemu+unix:///system?socket={way.driver}", _parameters(way), flags)
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    threading.Thread(target=migrate, name=f"migrate {server_id}", daemon=True).start()
    paused = False
    try:
        while not ended.wait(_LOOK):
            wants_pause = watch(_progress(seen, 0))
            if wants_pause and not paused:
                paused = _pause(seen)
    except BaseException:
        _give_up(seen, ended)
        if ended.is_set() and not errors:
            return _result(seen, began)  # it was over before it could be given up
        raise
    if errors:
        raise errors[0]
    return _result(seen, began)


def _result(domain: Any, began: float) -> LiveProgress:
    """What was copied. libvirt's downtime ends when the last of the memory has arrived; the rest of its work comes on top."""
    took = round((time.monotonic() - began) * 1000)
    found = _progress(domain, libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    return replace(found, downtime_ms=found.downtime_ms + max(0, took - found.elapsed_ms), elapsed_ms=took)


def _parameters(way: LiveWay) -> dict[str, object]:
    return {
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: way.xml,
        libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: way.xml,
        libvirt.VIR_MIGRATE_PARAM_URI: f"unix://{way.memory}",
        libvirt.VIR_MIGRATE_PARAM_DISKS_URI: f"unix://{way.storage}",
        libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS: list(way.disks),
    }


def _progress(domain: Any, flags: int) -> LiveProgress:
    """What libvirt reports of its job; nothing when there is none."""
    try:
        stats = domain.jobStats(flags)
    except libvirt.libvirtError:
        return LiveProgress()
    names = {
        "memory_total": "memory_total",
        "memory_processed": "memory_processed",
        "memory_remaining": "memory_remaining",
        "disk_total": "disk_total",
        "disk_processed": "disk_processed",
        "disk_remaining": "disk_remaining",
        "time_elapsed": "elapsed_ms",
        "downtime": "downtime_ms",
    }
    return LiveProgress(**{ours: int(stats[name]) for name, ours in names.items() if name in stats})


def _pause(domain: Any) -> bool:
    """Lets the guest stand still, so that what is copied does not change any more; later, if libvirt is not ready for it."""
    with suppress(libvirt.libvirtError):
        domain.suspend()
        return True
    return False


def _give_up(domain: Any, ended: threading.Event) -> None:
    """Aborts the job, again and again until libvirt has ended it: it refuses while it prepares and while it ends."""
    for _ in range(int(_ENDING / _LOOK)):
        with suppress(libvirt.libvirtError):
            domain.abortJob()
        if ended.wait(_LOOK):
            return
