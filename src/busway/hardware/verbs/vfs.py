"""Creates and removes the virtual functions of a PF."""

from __future__ import annotations

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.function import Function
from busway.hardware.machine import Machine
from busway.hardware.sriov import Sriov, read_sriov
from busway.hardware.tree import read_text
from busway.hardware.undo import Undo
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, failure_code, refuse, users
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until

_NUMBER = "sriov_numvfs"
_AUTOPROBE = "sriov_drivers_autoprobe"


def preflight_vfs(verbs: DeviceVerbs, address: PciAddress, count: int) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `count` VFs (0 removes them); changes nothing."""
    machine = Machine.read(verbs.root)
    function = machine.find(address)
    if function is None:
        return (absent(address),)
    sriov = function.sriov
    if sriov is None:
        return (Obstacle("no-sriov", f"{address} has no SR-IOV", "", "Switch on SR-IOV in the firmware."),)
    if sriov.enabled is None:
        words = f"{_NUMBER} can't be read: the kernel refuses it, or holds the device for a driver that hangs."
        brief = f"How many VFs {address} has can't be told"
        return (Obstacle("vfs-unreadable", brief, words, "Read `dmesg`; if a driver hangs, restart the host."),)
    if sriov.enabled == count:
        return ()
    if not 0 <= count <= sriov.total:
        words = f"sriov_totalvfs is {sriov.total}."
        return (Obstacle("too-many-vfs", f"{address} can't have {count} VFs", words, f"Ask for 1 to {sriov.total}."),)
    return tuple(_in_the_way(machine, function, sriov, count))


def create_vfs(
    verbs: DeviceVerbs, address: PciAddress, count: int, *, probe: bool = True, patience: float = 30.0
) -> tuple[PciAddress, ...]:
    """Enables exactly `count` VFs and returns them; without `probe` no host driver takes them.

    The kernel goes from none to some only: with another number enabled, remove them first. Twice is harmless.
    """
    if count < 1:
        raise _not_made(address, count, "At least one is created; `remove_vfs` removes them.")
    refuse(preflight_vfs(verbs, address, count))
    folder = f"{verbs.root}/sys/bus/pci/devices/{address}"
    before, autoprobe = _enabled(folder), read_text(f"{folder}/{_AUTOPROBE}")
    with Undo() as undo, Undo() as setting:  # the setting goes back in any case: it is not ours
        undo.add(lambda: _clear(verbs, address, folder, patience) if before != count else None)
        if not probe and autoprobe == "1":
            setting.add(lambda: verbs.set(address, _AUTOPROBE, autoprobe))
            verbs.set(address, _AUTOPROBE, "0")
        if before != count:
            _enable(verbs, address, count, undo)
        if not wait_until(lambda: _is_made(folder, count), patience):
            found = len((read_sriov(folder) or Sriov(0, None)).vfs)
            raise _not_made(address, count, f"After {patience:g} s there are {found}.")
        undo.keep()
    made = read_sriov(folder)
    return made.vfs if made else ()


def remove_vfs(verbs: DeviceVerbs, address: PciAddress, *, patience: float = 30.0) -> None:
    """Removes all VFs of a PF, once nobody uses any. Twice is harmless."""
    refuse(preflight_vfs(verbs, address, 0))
    folder = f"{verbs.root}/sys/bus/pci/devices/{address}"
    if _enabled(folder) == 0:
        return
    _write(verbs, address, 0)
    if not wait_until(lambda: _is_made(folder, 0), patience):
        raise _not_made(address, 0, f"After {patience:g} s some are still there.")


def _in_the_way(machine: Machine, function: Function, sriov: Sriov, count: int) -> list[Obstacle]:
    vfs = [vf for address in sriov.vfs if (vf := machine.find(address))]
    found = []
    if count and sriov.enabled:
        words = "The kernel goes from none to some, and from some to none."
        brief = f"{function.address} has {sriov.enabled} VFs enabled already"
        found.append(Obstacle("vfs-enabled", brief, words, "Remove them first."))
    if count and function.driver is None:
        words = "VFs are made by the driver of the physical function."
        brief = f"{function.address} has no driver that could make VFs"
        found.append(Obstacle("no-driver", brief, words, "Bind its host driver, or vfio-pci with enable_sriov=1."))
    found += users(f"virtual functions of {function.address}", machine.open_files, vfs) if vfs else ()
    busy = [vf for vf in vfs if (vgpu := vf.vendor_vgpu) and vgpu.current]
    busy += [vf for vf in vfs if any(kind.instances for kind in vf.mdev_types)]
    if busy:
        who = ", ".join(str(vf.address) for vf in busy)
        found.append(Obstacle("vf-in-use", f"VFs carry vGPUs: {who}", "", "Remove the vGPUs of those VFs first."))
    return found


def _enable(verbs: DeviceVerbs, address: PciAddress, count: int, undo: Undo) -> None:
    """Writes the number; when the kernel refuses, none were made, and those that are there are another's."""
    try:
        _write(verbs, address, count)
    except HostError as error:
        if isinstance(error.__cause__, HostError) and error.__cause__.code == "kernel-refused":
            undo.keep()
        raise


def _write(verbs: DeviceVerbs, address: PciAddress, count: int) -> None:
    try:
        check_settled(verbs, address)
        verbs.set(address, _NUMBER, str(count))
    except HostError as error:
        raise _not_made(address, count, str(error), failure_code(error, "vfs-failed")) from error


def _clear(verbs: DeviceVerbs, address: PciAddress, folder: str, patience: float) -> None:
    check_settled(verbs, address)
    if _enabled(folder) or (read_sriov(folder) or Sriov(0, 0)).vfs:
        verbs.set(address, _NUMBER, "0")
        wait_until(lambda: _is_made(folder, 0), patience)


def _enabled(folder: str) -> int | None:
    sriov = read_sriov(folder)
    return sriov.enabled if sriov else None


def _is_made(folder: str, count: int) -> bool:
    sriov = read_sriov(folder)
    return sriov is not None and sriov.enabled == count and len(sriov.vfs) == count


def _not_made(address: PciAddress, count: int, words: str, code: str = "vfs-failed") -> HostError:
    return HostError(
        f"{address} did not get {count} virtual functions"
        if count
        else f"{address} did not lose its virtual functions",
        detail=words,
        remedy="If memory or resources are exhausted, there is no room for their BARs: enable SR-IOV, ARI and Above "
        "4G decoding in the firmware. Read `dmesg` for the kernel's own reason.",
        code=code,
    )
