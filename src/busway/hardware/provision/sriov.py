"""Virtual functions as an operator declares them: created if there are none, and never removed while one is in use."""

from __future__ import annotations

from collections.abc import Mapping

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.sriov_layout import SriovLayout
from busway.hardware.binding import read_binding
from busway.hardware.function import Function
from busway.hardware.kernel import VFIO
from busway.hardware.machine import Machine
from busway.hardware.undo import Undo
from busway.hardware.verbs.bind import give, put_back
from busway.hardware.verbs.obstacle import absent, refuse
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.vfs import create_vfs, preflight_vfs, remove_vfs


def is_laid_out(machine: Machine, layout: SriovLayout, users: Mapping[PciAddress, str]) -> bool:
    """True when the PF has as many VFs as it must have, and those that nobody uses have their driver."""
    pf = machine.find(layout.address)
    sriov = pf.sriov if pf else None
    if sriov is None or sriov.enabled != layout.count or len(sriov.vfs) != layout.count:
        return False
    return not _without_driver(machine, layout, users)


def lay_out(verbs: DeviceVerbs, layout: SriovLayout, users: Mapping[PciAddress, str], *, patience: float = 20.0) -> str:
    """Makes a PF as it is declared, and says in words what was done; doing it twice is harmless.

    `users` are the servers of functions, by address: neither the PF nor any VF of a user is touched. Another number
    of VFs than there is means that all go first, which is refused while one of them is used. After a failure the PF
    has the VFs that it had, or none.
    """
    machine = Machine.read(verbs.root)
    pf = machine.find(layout.address)
    if pf is None:
        refuse((absent(layout.address),))
    assert pf is not None
    done = []
    if pf.sriov is None or pf.sriov.enabled != layout.count or len(pf.sriov.vfs) != layout.count:
        done.append(_count(verbs, machine, pf, layout, users, patience))
    for vf in _without_driver(Machine.read(verbs.root), layout, users):
        _bind(verbs, vf.address, layout.driver or "", patience)
        done.append(f"{vf.address} went to {layout.driver}")
    return "; ".join(done) or "nothing was left to do"


def _count(
    verbs: DeviceVerbs,
    machine: Machine,
    pf: Function,
    layout: SriovLayout,
    users: Mapping[PciAddress, str],
    patience: float,
) -> str:
    if pf.address in users:
        raise _in_use(layout, f"{pf.address} itself belongs to server {users[pf.address]}.")
    before = pf.sriov.enabled if pf.sriov else 0
    if before is None:
        refuse(preflight_vfs(verbs, pf.address, layout.count))
    if before:
        _check_idle(machine, pf, layout, users)
        _check_possible(verbs, pf, layout)
        remove_vfs(verbs, pf.address, patience=patience)
    if layout.count:
        create_vfs(verbs, pf.address, layout.count, probe=False, patience=patience)
    return f"{pf.address} has {layout.count} virtual functions, and had {before}"


def _check_possible(verbs: DeviceVerbs, pf: Function, layout: SriovLayout) -> None:
    """Finds out before the VFs go whether as many as must be can be made at all."""
    obstacles = [one for one in preflight_vfs(verbs, pf.address, layout.count) if one.code != "vfs-enabled"]
    refuse(obstacles)


def _check_idle(machine: Machine, pf: Function, layout: SriovLayout, users: Mapping[PciAddress, str]) -> None:
    """Raises unless nobody has a VF: no server, no vGPU, and no driver of the host but the one that was declared."""
    used = []
    for address in pf.sriov.vfs if pf.sriov else ():
        vf = machine.find(address)
        driver = vf.driver if vf else None
        if address in users:
            used.append(f"{address} belongs to server {users[address]}")
        elif driver not in (None, VFIO, layout.driver):
            used.append(f"{address} is on the host's driver {driver}")
    if used:
        raise _in_use(layout, f"{'; '.join(used)}.")


def _without_driver(machine: Machine, layout: SriovLayout, users: Mapping[PciAddress, str]) -> tuple[Function, ...]:
    """The idle VFs on no driver that must have one; any other driver is somebody's doing and stays."""
    pf = machine.find(layout.address)
    found = (machine.find(address) for address in (pf.sriov.vfs if pf and pf.sriov else ()))
    idle = (vf for vf in found if vf is not None and vf.address not in users and vf.driver is None)
    return tuple(idle) if layout.driver else ()


def _bind(verbs: DeviceVerbs, address: PciAddress, driver: str, patience: float) -> None:
    verbs.load(driver)
    with Undo() as undo:
        before = read_binding(verbs.root, address)
        undo.add(lambda: put_back(verbs, before, patience))
        give(verbs, address, driver, patience)
        undo.keep()


def _in_use(layout: SriovLayout, words: str) -> HostError:
    return HostError(
        f"{layout.address} can't get {layout.count} virtual functions while it is in use",
        detail=f"{words} The kernel changes their number only by removing all of them.",
        remedy="Delete or migrate the servers that use it; the agent retries automatically. Or declare the current "
        "number.",
        code="vfs-in-use",
    )
