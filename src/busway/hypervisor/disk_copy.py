"""Copies the disk of a running guest by libvirt's backup job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import libvirt

from busway.domain.errors import HostError, Unavailable
from busway.hypervisor.xml import backup_xml

_ABORT_SECONDS, _LOOK_SECONDS = 30.0, 0.1


def begin_copy(domain: Any, disk: Path, target: Path) -> None:
    """Ends an earlier copy and begins a push backup of one disk into the file `target`."""
    asked = backup_xml(domain.XMLDesc(0), disk, target)
    if asked is None:
        raise HostError(
            f"A disk of domain {domain.name()} can't be copied",
            detail=f"It has no disk {disk}.",
            code="libvirt-refused",
        )
    end_copy(domain)
    domain.backupBegin(asked, None, 0)


def _copies(domain: Any) -> bool:
    job = domain.jobStats(0) if domain.isActive() else {}
    is_over = job.get("type", libvirt.VIR_DOMAIN_JOB_NONE) == libvirt.VIR_DOMAIN_JOB_NONE
    return not is_over and job.get(libvirt.VIR_DOMAIN_JOB_OPERATION) == libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP


def is_copied(domain: Any) -> bool:
    """True when the copy is whole, False while it runs; raises `HostError` when it has failed."""
    if _copies(domain):
        return False
    active = domain.isActive()
    ended = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED) if active else {}
    is_copy = ended.get(libvirt.VIR_DOMAIN_JOB_OPERATION) == libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP
    if is_copy and ended.get("type") == libvirt.VIR_DOMAIN_JOB_COMPLETED and ended.get("success", True):
        return True
    why = ended.get(libvirt.VIR_DOMAIN_JOB_ERRMSG) or ("libvirt tells no reason" if active else "the guest has ended")
    raise HostError(
        f"The copy of a disk of domain {domain.name()} has failed",
        detail=f"Reason: {why}.",
        remedy="Check that the disk of this host has room, and ask for the image again.",
        code="copy-failed",
    )


def end_copy(domain: Any) -> None:
    """Aborts a copy that runs, and waits until libvirt has ended it."""
    if not _copies(domain):
        return
    domain.abortJob()
    deadline = time.monotonic() + _ABORT_SECONDS
    while _copies(domain):
        if time.monotonic() > deadline:
            raise Unavailable(
                "libvirt is busy with this domain",
                detail=f"The copy of its disk did not end in {_ABORT_SECONDS} s.",
                remedy="Wait: the agent asks again.",
                code="libvirt-busy",
            )
        time.sleep(_LOOK_SECONDS)
