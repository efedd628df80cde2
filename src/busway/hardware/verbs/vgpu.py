"""Makes a virtual function a vGPU of a type, and nothing again, by the vendor's files of Linux 6.8 and later."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.function import Function
from busway.hardware.function_read import read_function
from busway.hardware.machine import Machine
from busway.hardware.mediated import PLACEMENT, VendorVgpu, read_placement, read_vendor_vgpu
from busway.hardware.undo import Undo
from busway.hardware.verbs.mdev import not_placed
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, failure_code, refuse, users
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until

_CURRENT = "nvidia/current_vgpu_type"
_NAMED = 8  # types in a message


def preflight_vgpu(verbs: DeviceVerbs, address: PciAddress, number: int) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `set_vgpu`; changes nothing."""
    function = read_function(verbs.root, address)
    if function is None:
        return (absent(address),)
    vgpu = function.vendor_vgpu
    if vgpu is None:
        words = (
            f"Its driver is {function.driver or 'none'}; the vendor's vGPU manager shows them on its own driver only."
        )
        remedy = "Load the vendor's vGPU manager, and leave the function on its driver."
        return (Obstacle("no-vgpu-files", f"{address} has no vGPU files of its vendor", words, remedy),)
    return tuple(_against(verbs, function, vgpu, number))


def _against(verbs: DeviceVerbs, function: Function, vgpu: VendorVgpu, number: int) -> Iterator[Obstacle]:
    address = function.address
    if vgpu.current is None:
        words = "Its nvidia/current_vgpu_type can't be read or is no number."
        yield Obstacle("vgpu-unreadable", f"What {address} is can't be told", words, "Read `dmesg`.")
    elif vgpu.current and vgpu.current != number:
        words = "It was made so by somebody else, or its guest was not taken down."
        remedy = f"Free it: write 0 to {_CURRENT} of {address}."
        yield Obstacle("vgpu-in-use", f"{address} is a vGPU of the type {vgpu.current} already", words, remedy)
    elif not vgpu.current and number not in {kind.id for kind in vgpu.creatable}:
        known = ", ".join(f"{kind.id} ({kind.name})" for kind in vgpu.creatable[:_NAMED]) or "nothing"
        words = vgpu.unclear or f"It can become {known}. What is on its card decides which types are left."
        yield Obstacle("no-vgpu-type", f"{address} can't become a vGPU of the type {number}", words, "Choose another.")
    yield from users(str(address), Machine.read(verbs.root).open_files, [function])


def set_vgpu(
    verbs: DeviceVerbs, address: PciAddress, number: int, start: int | None = None, *, patience: float = 20.0
) -> None:
    """Makes a function a vGPU of a type, with its frame buffer from `start` on, and reads both back.

    One that is that already stays so. After a failure it is what it was before.
    """
    refuse(preflight_vgpu(verbs, address, number))
    check_settled(verbs, address)
    with Undo() as undo:
        if _read(verbs, address).current != number:
            undo.add(lambda: _write(verbs, address, 0, patience))
            _write(verbs, address, number, patience)
        if start is not None and read_placement(_file(verbs, address, "")) != start:
            _place(verbs, address, start)
        undo.keep()


def clear_vgpu(verbs: DeviceVerbs, address: PciAddress, *, patience: float = 20.0) -> None:
    """Makes a function no vGPU any more, unless a process has it; one that is none already stays so."""
    check_settled(verbs, address)
    function = read_function(verbs.root, address)
    if function is None or not _read(verbs, address).current:
        return
    refuse(users(str(address), Machine.read(verbs.root).open_files, [function]))
    _write(verbs, address, 0, patience)


def _write(verbs: DeviceVerbs, address: PciAddress, number: int, patience: float) -> None:
    try:
        check_settled(verbs, address)
        verbs.set(address, _CURRENT, str(number))
    except HostError as error:
        raise _failed(address, number, str(error), failure_code(error, "vgpu-failed")) from error
    if not wait_until(lambda: _read(verbs, address).current == number, patience):
        raise _failed(address, number, f"After {patience:g} s it is {_read(verbs, address).current}.")


def _place(verbs: DeviceVerbs, address: PciAddress, start: int) -> None:
    try:
        verbs.set(address, PLACEMENT, str(start))
    except HostError as error:
        raise not_placed(str(address), start, str(error), failure_code(error, "vgpu-placement")) from error
    if read_placement(_file(verbs, address, "")) != start:
        raise not_placed(str(address), start, "Its file placement_id does not show it.")


def _read(verbs: DeviceVerbs, address: PciAddress) -> VendorVgpu:
    return read_vendor_vgpu(_file(verbs, address, "")) or VendorVgpu(None)


def _file(verbs: DeviceVerbs, address: PciAddress, name: str) -> str:
    return f"{verbs.root}/sys/bus/pci/devices/{address}/{name}".rstrip("/")


def _failed(address: PciAddress, number: int, words: str, code: str = "vgpu-failed") -> HostError:
    what = f"a vGPU of the type {number}" if number else "no vGPU any more"
    return HostError(
        f"{address} did not become {what}",
        detail=words,
        remedy="Read `dmesg` and the log of the vendor's vGPU manager for their own reason.",
        code=code,
    )
