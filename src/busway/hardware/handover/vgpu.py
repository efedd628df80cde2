"""A virtual function as a vGPU: given its type when a server comes, none when it goes; no kernel keeps it over a reboot."""

from __future__ import annotations

from pathlib import Path

from busway.domain.units import VgpuFunction
from busway.hardware import refusals
from busway.hardware.function_read import read_function
from busway.hardware.mediated import read_placement, read_vendor_vgpu
from busway.hardware.verbs.obstacle import Obstacle, absent, obstacle
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.vgpu import clear_vgpu, preflight_vgpu, set_vgpu


def preflight(verbs: DeviceVerbs, unit: VgpuFunction, *, is_ours: bool) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `take`; changes nothing.

    A function that has the type already is somebody else's vGPU, unless it `is_ours` by a record.
    """
    function = read_function(verbs.root, unit.address)
    if function is None:
        return (absent(unit.address),)
    if (function.vendor_id, function.product_id) != (unit.vendor_id, unit.product_id):
        return (obstacle(refusals.changed(function, unit.vendor_id, unit.product_id)),)
    vgpu = function.vendor_vgpu
    if vgpu is not None and vgpu.current and not is_ours:
        words = "Nobody here knows who made it so."
        remedy = f"Free it: write 0 to nvidia/current_vgpu_type of {unit.address}."
        brief = f"{unit.address} is a vGPU of the type {vgpu.current} already"
        return (Obstacle("vgpu-in-use", brief, words, remedy),)
    return preflight_vgpu(verbs, unit.address, unit.number)


def take(verbs: DeviceVerbs, unit: VgpuFunction, *, patience: float = 20.0) -> None:
    """Gives the function its type and place, and reads back that it has them; twice is harmless."""
    set_vgpu(verbs, unit.address, unit.number, unit.start, patience=patience)


def is_ready(root: Path, unit: VgpuFunction) -> bool:
    """True when the function is what it must be, where it must lie."""
    folder = f"{root}/sys/bus/pci/devices/{unit.address}"
    vgpu = read_vendor_vgpu(folder)
    if vgpu is None or not unit.number or vgpu.current != unit.number:
        return False
    return unit.start is None or read_placement(folder) == unit.start


def is_idle(root: Path, unit: VgpuFunction) -> bool:
    """True when the function is no vGPU, or is not there at all."""
    vgpu = read_vendor_vgpu(f"{root}/sys/bus/pci/devices/{unit.address}")
    return vgpu is None or vgpu.current == 0


def give_back(verbs: DeviceVerbs, unit: VgpuFunction, *, patience: float = 20.0) -> bool:
    """Takes the type away, which is refused while a process has the function; False where there was none."""
    if is_idle(verbs.root, unit) and not verbs.unfinished(unit.address):
        return False
    clear_vgpu(verbs, unit.address, patience=patience)
    return True
