"""What a host's operator declares of its devices, and the programs that prepare them for guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from busway.agent.fabric import HostFabric
from busway.agent.render import DeclaredNodes
from busway.domain.address import PciAddress
from busway.domain.sriov_layout import SriovLayout
from busway.domain.vgpu import SizeMode
from busway.hardware.provision.vgpu_mode import Run, run_nvidia_smi


@dataclass(frozen=True, slots=True)
class DeclaredDevices:
    """`scrubs` are the programs that clean devices, by vendor:device; `fabric_manager` is None without an NVLink fabric."""

    scrubs: Mapping[str, Path] = field(default_factory=dict)
    layouts: tuple[SriovLayout, ...] = ()
    vgpu_modes: Mapping[PciAddress, SizeMode] = field(default_factory=dict)
    nvidia_smi: Run = run_nvidia_smi
    fabric_manager: Run | None = None
    fabric_modules: Mapping[int, PciAddress] = field(default_factory=dict)
    render: DeclaredNodes = field(default_factory=DeclaredNodes)

    def fabric(self, keep: Path, monotonic: Callable[[], float]) -> HostFabric | None:
        """The host's NVLink fabric, None where it has none; `keep` is the file for what is learned of it."""
        if self.fabric_manager is None:
            return None
        return HostFabric(self.fabric_manager, self.nvidia_smi, self.fabric_modules, keep, monotonic)
