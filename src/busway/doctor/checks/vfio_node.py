"""Programs can open VFIO: its device file is there, for everybody as the kernel makes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_NODE = "/dev/vfio/vfio"
_NEWER = "/dev/iommu"  # kernels built for iommufd alone have this instead


def _find(host: Host) -> Iterator[Finding]:
    if not host.exists("/sys/bus/pci/drivers/vfio-pci") or not host.exists("/dev/null"):
        return
    if not host.exists(_NODE) and host.exists(_NEWER):
        return
    if not host.exists(_NODE):
        yield CHECK.found(
            f"There is no {_NODE}",
            cause="The driver is loaded and its device file is missing: this may be a container, or udev does not run.",
            remedy="Run on the host itself, or give the container /dev/vfio; on a host run `udevadm trigger`.",
            evidence=(Evidence(_NODE, "absent"),),
            after=f"making {_NODE} visible",
        )
        return
    mode = _mode(f"{host.root}/{_NODE}")
    if stat.S_ISCHR(mode) and stat.S_IMODE(mode) & 0o666 != 0o666:
        yield CHECK.found(
            f"{_NODE} can't be opened by QEMU's user",
            cause="The kernel makes it for everybody (0666), and libvirt relies on that; the groups beside it stay closed.",
            remedy=f"Run `chmod 0666 {_NODE}` and remove the udev rule that narrowed it.",
            evidence=(Evidence(_NODE, f"mode {stat.S_IMODE(mode):04o}"),),
            severity=Severity.WARNS,
        )


def _mode(path: str) -> int:
    """The mode of a file; 0 when nobody may ask."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return 0


CHECK = Check("vfio-node", Stage.IOMMU, Severity.BLOCKS, "Programs can open VFIO", host=_find)
