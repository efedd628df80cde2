"""The machines that have a name: `NAMED["gtx-1660"](folder)` builds one. Facts are real, trees are invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from busway.testing import machines_server as server
from busway.testing import machines_workstation as workstation
from busway.testing.machines import Machine

NAMED: dict[str, Callable[[Path], Machine]] = {
    "grid-k2": server.grid_k2,
    "gtx-1660": workstation.gtx_1660,
    "a5000-four": server.a5000_four,
    "hgx-h200": server.hgx_h200,
    "a10-vfs": server.a10_vfs,
    "l40s-vendor-vfio": server.l40s_vendor_vfio,
    "a2-and-a16": server.a2_and_a16,
    "mi300x-switches": server.mi300x_switches,
    "gvt-g": workstation.gvt_g,
    "apu-bad-group": workstation.apu_bad_group,
    "no-iommu": workstation.no_iommu,
    "framebuffer-in-bar": workstation.framebuffer_in_bar,
}
