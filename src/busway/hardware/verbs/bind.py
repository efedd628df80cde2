"""Binds a whole card, every function of it, to vfio-pci or pci-stub; or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.binding import Binding, driver_of, read_binding
from busway.hardware.framebuffer import framebuffer_in
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.tree import find_text, read_text
from busway.hardware.undo import Undo
from busway.hardware.verbs.mode import Mode, parse_mode
from busway.hardware.verbs.obstacle import (
    Obstacle,
    absent,
    check_settled,
    failure_code,
    has_vfs,
    obstacle,
    refuse,
    users,
)
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until


@dataclass(frozen=True, slots=True)
class Bound:
    """A card that was bound, and how its functions were before: what `release_card` needs."""

    mode: Mode
    functions: tuple[Binding, ...]


def preflight_bind(verbs: DeviceVerbs, address: PciAddress, mode: Mode | str = Mode.VFIO) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `bind_card`; changes nothing."""
    wanted = parse_mode(mode)
    machine = Machine.read(verbs.root)
    card = machine.card(address)
    if card is None:
        return (absent(address),)
    return in_the_way(verbs, machine, card.functions, card.foreign, wanted)


def in_the_way(
    verbs: DeviceVerbs,
    machine: Machine,
    functions: Sequence[Function],
    others: Iterable[Function],
    mode: Mode | None,
    *,
    idle_vfs_may_go: bool = False,
) -> tuple[Obstacle, ...]:
    """What stands in the way of giving these functions to `mode`; None is a driver that they have already.

    `others` are what else is in their group. Virtual functions go with the driver of their physical one; with
    `idle_vfs_may_go` they are in the way only when somebody has one.
    """
    vfs = [vf for one in functions if one.sriov for address in one.sriov.vfs if (vf := machine.find(address))]
    unsettled = [(one, pids) for one in functions if (pids := verbs.unfinished(one.address))]
    return (
        *(obstacle(refusals.unsettled(one.address, pids)) for one, pids in unsettled),
        *_isolation(functions[0], others, mode),
        *users(name_of(functions), machine.open_files, [*functions, *vfs]),
        *_display(machine, functions),
        *_physical(functions, any(map(_is_used, vfs)) or not idle_vfs_may_go),
        *_vgpus(functions, mode),
        *(_module(verbs.root, mode) if mode else ()),
    )


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
    before = tuple(read_binding(verbs.root, function.address) for function in card.functions)
    verbs.load(wanted)
    with Undo() as undo:
        for one in before:
            undo.add(partial(put_back, verbs, one, patience))
            if one.driver != wanted:
                give(verbs, one.address, wanted, patience)
        undo.keep()
    return Bound(wanted, before)


def give(verbs: DeviceVerbs, address: PciAddress, driver: str, patience: float) -> None:
    """Gives a function to exactly this driver and reads back that it has it; the override stays."""
    try:
        check_settled(verbs, address)
        verbs.override(address, driver)
        verbs.unbind(address)
        verbs.probe(address)
    except HostError as error:
        raise _failed(verbs, address, driver, str(error), error) from error
    if not wait_until(lambda: driver_of(verbs.root, address) == driver, patience):
        raise _failed(verbs, address, driver, f"The kernel took the address and {patience:g} s later nothing happened.")


def put_back(verbs: DeviceVerbs, before: Binding, patience: float) -> None:
    """Makes driver and override of a function what they were; one with an unfinished write is not touched."""
    check_settled(verbs, before.address)
    if driver_of(verbs.root, before.address) != before.driver:
        if before.driver is None:
            verbs.unbind(before.address)
        else:
            give(verbs, before.address, before.driver, patience)
    if read_binding(verbs.root, before.address).override != before.override:
        verbs.override(before.address, before.override)


def name_of(functions: Sequence[Function]) -> str:
    """How the functions are called in an obstacle: by the first of them, or by their slot."""
    first = functions[0].address
    return first.slot_name if len(functions) > 1 else str(first)


def _isolation(first: Function, others: Iterable[Function], mode: Mode | None) -> list[Obstacle]:
    if mode is Mode.STUB:
        return []
    if first.iommu_group is None:
        return [obstacle(refusals.no_iommu(first.address))]
    used = [one for one in others if not one.keeps_viable]
    return [obstacle(refusals.not_viable(first.address, first.iommu_group, used))] if used else []


def _display(machine: Machine, functions: Iterable[Function]) -> Iterator[Obstacle]:
    framebuffers = machine.framebuffers
    for function in functions:
        if framebuffer := framebuffer_in(framebuffers, function.address):
            words = f"/proc/iomem shows {' > '.join(framebuffer.names)} inside its memory."
            remedy = "Make another card the firmware's display, or add initcall_blacklist=sysfb_init and reboot."
            yield Obstacle("boot-framebuffer", f"The boot framebuffer is on {function.address}", words, remedy)


def _physical(functions: Iterable[Function], vfs_matter: bool) -> list[Obstacle]:
    enabled = [(one, sriov.enabled) for one in functions if (sriov := one.sriov) and sriov.enabled]
    return [has_vfs(one.address, count) for one, count in enabled] if vfs_matter else []


def _is_used(vf: Function) -> bool:
    """True for a VF that the host or a guest has, or that carries a vGPU."""
    vgpu = vf.vendor_vgpu
    return vf.driver is not None or bool(vgpu and vgpu.current) or any(kind.instances for kind in vf.mdev_types)


def _vgpus(functions: Iterable[Function], mode: Mode | None) -> Iterator[Obstacle]:
    for function in functions:
        if mode is Mode.VFIO and function.is_vf and function.vendor_vgpu is not None:
            words = "It has the vendor's vGPU files; vfio-pci would lose the vGPU."
            remedy = f"Leave it on {function.driver or 'its own driver'} and choose a vGPU type (current_vgpu_type)."
            yield Obstacle("vgpu-vf", f"{function.address} is a vGPU's virtual function", words, remedy)


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


def _failed(
    verbs: DeviceVerbs, address: PciAddress, driver: str, words: str, error: HostError | None = None
) -> HostError:
    return HostError(
        f"{address} was not bound to {driver}",
        detail=f"{words} Its driver is now {driver_of(verbs.root, address) or 'none'}.",
        remedy="Read `dmesg` for the kernel's own reason; another driver or a framebuffer may own the device's memory.",
        code=failure_code(error, "bind-failed"),
    )
