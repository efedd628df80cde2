"""Resets one function by a chosen method, once it is known that nobody else is hit."""

from __future__ import annotations

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.tree import read_text
from busway.hardware.undo import Undo
from busway.hardware.verbs.mode import ResetMethod, parse_reset_method
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, failure_code, has_vfs, names, refuse, users
from busway.hardware.verbs.release import check_alive
from busway.hardware.verbs.seam import DeviceVerbs


def reset_scope(machine: Machine, function: Function, method: ResetMethod) -> tuple[Function, ...]:
    """The functions that lose their state: the one alone, or everything below the bridge above it.

    A function right on a root bus has no bridge, and the kernel then offers no bus reset.
    """
    return (machine.below_one_bridge(function) if method.is_wide else ()) or (function,)


def preflight_reset(
    verbs: DeviceVerbs, address: PciAddress, method: ResetMethod | str | None = None
) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `reset_function`; changes nothing."""
    wanted = parse_reset_method(method) if method is not None else None
    machine = Machine.read(verbs.root)
    function = machine.find(address)
    if function is None:
        return (absent(address),)
    offered = function.reset_methods
    if not function.can_reset or (wanted and offered is not None and wanted not in offered):
        return (_not_offered(function, wanted),)
    used = _used(function, wanted)
    scope = reset_scope(machine, function, used) if used else (function,)
    return tuple(_in_the_way(machine, function, scope))


def reset_function(
    verbs: DeviceVerbs, address: PciAddress, method: ResetMethod | str | None = None, *, patience: float = 20.0
) -> ResetMethod | None:
    """Resets a function and waits until it answers; returns the method, None when the kernel does not say which.

    Without `method` the kernel tries its own list in order. The list is as before in the end.
    """
    wanted = parse_reset_method(method) if method is not None else None
    refuse(preflight_reset(verbs, address, wanted))
    machine = Machine.read(verbs.root)
    function = machine.find(address)
    if function is None:
        raise refusals.vanished(address)
    before = function.reset_methods
    check_settled(verbs, address)
    with Undo() as undo:  # runs always: the list of methods is not ours to keep
        if wanted and before != (wanted,):
            if before is None:
                raise refusals.reset_failed(address, "This kernel (before 5.15) can't choose a method.")
            undo.add(lambda: verbs.set(address, "reset_method", " ".join(before)))
            _choose(verbs, function, wanted)
        _act(verbs, address, patience)
    return _used(function, wanted)


def _choose(verbs: DeviceVerbs, function: Function, method: ResetMethod) -> None:
    verbs.set(function.address, "reset_method", method)
    shown = read_text(f"{function.folder}/reset_method")
    if shown != method:
        raise refusals.reset_failed(function.address, f"The kernel was told {method} and shows '{shown}'.")


def _act(verbs: DeviceVerbs, address: PciAddress, patience: float) -> None:
    try:
        done = verbs.reset(address)
    except HostError as error:
        raise refusals.reset_failed(address, str(error), failure_code(error, "reset-failed")) from error
    if not done:
        raise refusals.reset_failed(address, "The kernel has no method to reset it.")
    check_alive(verbs, address, patience)


def _used(function: Function, wanted: ResetMethod | None) -> ResetMethod | None:
    """The method that the kernel tries first."""
    if wanted:
        return wanted
    known = [one for one in function.reset_methods or () if one in set(ResetMethod)]
    return ResetMethod(known[0]) if known else None


def _in_the_way(machine: Machine, function: Function, scope: tuple[Function, ...]) -> list[Obstacle]:
    found = []
    foreign = [one for one in scope if one.iommu_group != function.iommu_group and not one.is_bridge]
    if foreign:
        remedy = "Choose a method that resets the function alone, or free the other devices first."
        words = f"It would also reset {names(foreign)}."
        found.append(Obstacle("reset-scope", f"A reset of {function.address} leaves its IOMMU group", words, remedy))
    driven = [one for one in scope if not one.keeps_viable]
    if driven:
        remedy = "Bind the device to vfio-pci first; a host driver does not expect a reset."
        words = f"In use by host drivers: {names(driven)}."
        found.append(Obstacle("reset-in-use", f"The host uses what a reset of {function.address} hits", words, remedy))
    found += users(str(function.address), machine.open_files, scope)
    found += [has_vfs(one.address, one.sriov.enabled) for one in scope if one.sriov and one.sriov.enabled]
    return found


def _not_offered(function: Function, wanted: ResetMethod | None) -> Obstacle:
    offered = ", ".join(function.reset_methods or ()) or "none"
    what = f"{function.address} can't be reset" + (f" by {wanted}" if wanted else "")
    remedy = "Choose one that the kernel offers." if function.can_reset else "Only a power cycle of the host resets it."
    return Obstacle("no-reset", what, f"reset_method offers: {offered}.", remedy)
