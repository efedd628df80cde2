"""A whole PCI function on a VFIO driver.

A `managed` one is moved to vfio-pci and back; the driver of any other is its operator's and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.domain.units import WholeFunction
from busway.hardware import refusals
from busway.hardware.binding import Binding, read_binding
from busway.hardware.function import Function
from busway.hardware.function_read import read_function
from busway.hardware.handover.before import Before
from busway.hardware.kernel import VFIO
from busway.hardware.machine import Machine
from busway.hardware.undo import Undo
from busway.hardware.verbs.bind import give, in_the_way, put_back
from busway.hardware.verbs.mode import Mode
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, obstacle, refuse, users
from busway.hardware.verbs.release import reset_apart, return_to
from busway.hardware.verbs.seam import DeviceVerbs


@dataclass(frozen=True, slots=True)
class GivenBack:
    """How a device went back: `reset` is False when it was not reset, `present` when the host lost the device."""

    driver: str | None
    reset: bool
    present: bool = True


def preflight(verbs: DeviceVerbs, device: WholeFunction, together: Collection[PciAddress] = ()) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `take`; changes nothing.

    `together` are the devices that go to the same guest: they may still have host drivers, for their turn comes.
    """
    machine = Machine.read(verbs.root)
    function = machine.find(device.address)
    if function is None:
        return (absent(device.address),)
    if (function.vendor_id, function.product_id) != (device.vendor_id, device.product_id):
        return (obstacle(refusals.changed(function, device.vendor_id, device.product_id)),)
    mates = {device.address, *together}
    others = [one for one in _group(machine, function) if one.address not in mates]
    if device.managed:
        return in_the_way(verbs, machine, [function], others, Mode.VFIO, idle_vfs_may_go=True)
    found = in_the_way(verbs, machine, [function], others, None, idle_vfs_may_go=True)
    ready = () if function.is_on_vfio else (obstacle(refusals.not_prepared(function.address, function.driver)),)
    return (*ready, *found)


def take(
    verbs: DeviceVerbs, device: WholeFunction, together: Collection[PciAddress] = (), *, patience: float = 20.0
) -> None:
    """Makes the device ready for a guest; one that is ready stays as it is.

    A take that fails leaves driver and override as they were; one that the kernel blocks (`kernel-blocked`) leaves the
    device as it is, for nobody knows what the kernel does next.
    """
    refuse(preflight(verbs, device, together))
    now = read_binding(verbs.root, device.address)
    if not device.managed or now.driver == VFIO:
        return
    verbs.load(VFIO)
    with Undo() as undo:
        undo.add(lambda: put_back(verbs, now, patience))
        give(verbs, device.address, VFIO, patience)
        undo.keep()


def is_ready(function: Function) -> bool:
    """True if a guest can have a managed function in its current state."""
    return function.driver == VFIO


def give_back(
    verbs: DeviceVerbs,
    device: WholeFunction,
    before: Before,
    *,
    patience: float = 20.0,
    prove: Callable[[bool], None] = lambda _reset: None,
) -> GivenBack:
    """Resets the device and makes driver and override what they were; doing it twice is harmless.

    `prove` is called with whether the device was reset, while nobody has the device yet; if it raises, the device
    stays there.

    A device that the host no longer shows counts as given back: nobody can hold it. So does one that has its previous
    driver, or any driver after a restart of the host. Every other driver than vfio-pci is refused: somebody else
    bound it.
    """
    address = device.address
    function = read_function(verbs.root, address)
    if function is None:
        return GivenBack(driver=None, reset=False, present=False)
    check_settled(verbs, address)
    refuse(users(str(address), Machine.read(verbs.root).open_files, [function]))
    over = before.is_over(verbs.root)
    half_way = function.driver is None or (function.driver == VFIO and before.driver != VFIO)
    if device.managed and half_way and not over:
        return _move_back(verbs, address, before, patience, prove)
    if function.driver != before.driver and not over:
        raise refusals.unexpected_driver(address, function.driver, before.driver)
    if function.is_on_vfio:
        done = reset_apart(verbs, address, None, patience)
        prove(done)
        return GivenBack(function.driver, done)
    if not over:  # the host has it already: only the override may still be ours
        return_to(verbs, Binding(address, before.driver, before.override), patience)
    return GivenBack(function.driver, reset=False)


def _move_back(
    verbs: DeviceVerbs, address: PciAddress, before: Before, patience: float, prove: Callable[[bool], None]
) -> GivenBack:
    done = reset_apart(verbs, address, VFIO, patience)
    prove(done)
    return_to(verbs, Binding(address, before.driver, before.override), patience)
    return GivenBack(before.driver, done)


def _group(machine: Machine, function: Function) -> tuple[Function, ...]:
    if function.iommu_group is None:
        return ()
    return machine.groups[function.iommu_group].members
