"""Binds a whole card, every function of it, to vfio-pci or pci-stub; or nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.card import Card
from busway.hardware.framebuffer import framebuffer_in
from busway.hardware.machine import Machine
from busway.hardware.tree import find_text, read_text
from busway.hardware.undo import Undo
from busway.hardware.verbs.mode import Mode, parse_mode
from busway.hardware.verbs.obstacle import Obstacle, absent, has_vfs, held, refuse
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until
from busway.hardware.vfio import driver_of, read_override

KEEPS_VIABLE = (None, "vfio-pci", "pci-stub")  # what may hold a group's member while a guest has another


@dataclass(frozen=True, slots=True)
class Before:
    """How one function was: its driver (None for none) and its override ("" for none)."""

    address: PciAddress
    driver: str | None
    override: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A card that was bound, and how its functions were before: what `release_card` needs."""

    mode: Mode
    functions: tuple[Before, ...]


def preflight_bind(verbs: DeviceVerbs, address: PciAddress, mode: Mode | str = Mode.VFIO) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `bind_card`; changes nothing."""
    wanted = parse_mode(mode)
    machine = Machine.read(verbs.root)
    card = machine.card(address)
    if card is None:
        return (absent(address),)
    found = [*_isolation(card, wanted), *_users(machine, card, wanted), *_module(verbs.root, wanted)]
    return tuple(found)


def bind_card(
    verbs: DeviceVerbs, address: PciAddress, mode: Mode | str = Mode.VFIO, *, patience: float = 20.0
) -> Bound:
    """Binds every function of the card that has `address`; `patience` in seconds is for each function.

    Functions that are there already stay as they are. Refuses with the obstacles of `preflight_bind`.
    """
    wanted = parse_mode(mode)
    refuse(preflight_bind(verbs, address, wanted))
    card = Machine.read(verbs.root).card(address)
    if card is None:
        raise refusals.vanished(address)
    before = tuple(how_it_is(verbs, function.address) for function in card.functions)
    verbs.load(wanted)
    with Undo() as undo:
        for one in before:
            undo.add(partial(put_back, verbs, one, patience))
            if one.driver != wanted:
                give(verbs, one.address, wanted, patience)
        undo.keep()
    return Bound(wanted, before)


def how_it_is(verbs: DeviceVerbs, address: PciAddress) -> Before:
    """Reads driver and override of a function, to go back to."""
    return Before(address, driver_of(verbs.root, address), read_override(verbs.root, address))


def give(verbs: DeviceVerbs, address: PciAddress, driver: str, patience: float) -> None:
    """Gives a function to exactly this driver and reads back that it has it; the override stays."""
    try:
        verbs.override(address, driver)
        verbs.unbind(address)
        verbs.probe(address)
    except HostError as error:
        raise _failed(verbs, address, driver, str(error)) from error
    if not wait_until(lambda: driver_of(verbs.root, address) == driver, patience):
        raise _failed(verbs, address, driver, f"The kernel took the address and {patience:g} s later nothing happened.")


def put_back(verbs: DeviceVerbs, before: Before, patience: float) -> None:
    """Makes driver and override of a function what they were."""
    if driver_of(verbs.root, before.address) != before.driver:
        if before.driver is None:
            verbs.unbind(before.address)
        else:
            give(verbs, before.address, before.driver, patience)
    if read_override(verbs.root, before.address) != before.override:
        verbs.override(before.address, before.override)


def _isolation(card: Card, mode: Mode) -> list[Obstacle]:
    if mode is Mode.STUB:
        return []
    if card.iommu_group is None:
        error = refusals.no_iommu(card.main.address)
        return [Obstacle(error.code, error.brief, error.detail, error.remedy)]
    others = [one for one in card.foreign if one.driver not in KEEPS_VIABLE]
    if others:
        error = refusals.not_viable(card.main.address, card.iommu_group, [one.device for one in others])
        return [Obstacle(error.code, error.brief, error.detail, error.remedy)]
    return []


def _users(machine: Machine, card: Card, mode: Mode) -> list[Obstacle]:
    found = []
    if holders := machine.open_files.holders(card.functions):
        found.append(held(card.name, holders))
    for function in card.functions:
        if framebuffer := framebuffer_in(machine.framebuffers, function.address):
            words = f"/proc/iomem shows {' > '.join(framebuffer.names)} inside its memory."
            remedy = "Make another card the firmware's display, or add initcall_blacklist=sysfb_init and reboot."
            found.append(Obstacle("boot-framebuffer", f"The boot framebuffer is on {function.address}", words, remedy))
        if function.sriov and function.sriov.enabled:
            found.append(has_vfs(function.address, function.sriov.enabled))
        if mode is Mode.VFIO and function.is_vf and function.vendor_vgpu is not None:
            words = "It has the vendor's vGPU files; vfio-pci would lose the vGPU."
            remedy = f"Leave it on {function.driver or 'its own driver'} and choose a vGPU type (current_vgpu_type)."
            found.append(Obstacle("vgpu-vf", f"{function.address} is a vGPU's virtual function", words, remedy))
    return found


def _module(root: Path, mode: Mode) -> list[Obstacle]:
    if has_driver(root, mode) is not False:
        return []
    remedy = f"Install the kernel's full module package, or a kernel that has {mode}."
    return [Obstacle("no-vfio", f"This kernel has no driver {mode}", names_of_modules(root), remedy)]


def has_driver(root: Path, driver: str) -> bool | None:
    """Tells whether a PCI driver is there or can be loaded; None when the tree has no list of modules."""
    if (root / "sys/bus/pci/drivers" / driver).is_dir():
        return True
    lists = [find_text(root / path) for path in _module_lists(root)]
    if all(text is None for text in lists):
        return None
    return any(f"/{name}.ko" in (text or "") for text in lists for name in (driver, driver.replace("-", "_")))


def names_of_modules(root: Path) -> str:
    """Where the kernel's modules were looked for."""
    return f"Looked in {', '.join('/' + path for path in _module_lists(root))}."


def _module_lists(root: Path) -> tuple[str, str]:
    release = read_text(root / "proc/sys/kernel/osrelease")
    folder = f"lib/modules/{release}" if release and "/" not in release else "lib/modules"
    return f"{folder}/modules.dep", f"{folder}/modules.builtin"


def _failed(verbs: DeviceVerbs, address: PciAddress, driver: str, words: str) -> HostError:
    return HostError(
        f"{address} did not go to {driver}",
        detail=f"{words} Its driver is now {driver_of(verbs.root, address) or 'none'}.",
        remedy="Read `dmesg` for the kernel's own reason; another driver or a framebuffer may own the device's memory.",
        code="bind-failed",
    )
