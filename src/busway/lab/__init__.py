"""An emulated GPU host (QEMU with an emulated IOMMU) for trying, testing and teaching.

The entry point is `Lab(state).up()`. Kernel, IOMMU groups, driver binding, libvirt and QEMU are real; the silicon is
emulated. The lab must not know Busway's other parts: it is a machine, and they are its users.
"""

from __future__ import annotations

from busway.lab.errors import LabBusy, LabDied, LabDown, LabHung, LabRefused, LabTimeout, LabUnprepared
from busway.lab.host import ExecResult, LabHost, Pid
from busway.lab.lab import Lab
from busway.lab.report import PlainReport, Report

__all__ = [
    "ExecResult", "Lab", "LabBusy", "LabDied", "LabDown", "LabHost", "LabHung", "LabRefused", "LabTimeout",
    "LabUnprepared", "Pid", "PlainReport", "Report",
]  # fmt: skip
