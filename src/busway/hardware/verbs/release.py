"""Gives a bound card back to the drivers its functions had; or leaves it bound, out of everyone's reach."""

from __future__ import annotations

from functools import partial

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.alive import is_gone
from busway.hardware.binding import Binding, device_folder, read_binding
from busway.hardware.machine import Machine
from busway.hardware.undo import Undo
from busway.hardware.verbs.bind import Bound, put_back
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, failure_code, refuse, users
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until


def preflight_release(verbs: DeviceVerbs, bound: Bound) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `release_card`; changes nothing."""
    machine = Machine.read(verbs.root)
    functions = [machine.find(one.address) for one in bound.functions]
    gone = [one.address for one, found in zip(bound.functions, functions, strict=True) if found is None]
    if gone:
        return tuple(absent(address) for address in gone)
    return users(str(bound.functions[0].address), machine.open_files, [one for one in functions if one])


def release_card(verbs: DeviceVerbs, bound: Bound, *, patience: float = 20.0) -> bool:
    """Resets each function and gives it back to its previous driver; True when all of them had a reset method.

    When a reset or a driver fails, everything goes back to `bound.mode`: no host driver gets a device that may hang.
    """
    refuse(preflight_release(verbs, bound))
    all_reset = True
    with Undo() as undo:
        for one in bound.functions:
            now = read_binding(verbs.root, one.address)
            undo.add(partial(put_back, verbs, now, patience))
            if now.driver == bound.mode:
                away = None if one.driver == bound.mode else bound.mode
                all_reset = reset_apart(verbs, one.address, away, patience) and all_reset
            return_to(verbs, one, patience)
        undo.keep()
    return all_reset


def reset_apart(verbs: DeviceVerbs, address: PciAddress, away: str | None, patience: float) -> bool:
    """Resets a function that has no driver meanwhile; False when it has no method.

    The override names `away`, so that no other driver gets it; a function that fails stays like this, out of everyone's
    reach. With None it stays with its driver and is reset there.
    """
    check_settled(verbs, address)
    try:
        if away is not None:
            verbs.override(address, away)
            verbs.unbind(address)
    except HostError as error:
        raise refusals.release_failed(address, away, str(error), failure_code(error, "release-failed")) from error
    try:
        done = verbs.reset(address)
    except HostError as error:
        raise refusals.reset_failed(address, str(error), failure_code(error, "reset-failed")) from error
    check_alive(verbs, address, patience)
    return done


def return_to(verbs: DeviceVerbs, before: Binding, patience: float) -> None:
    """Gives a function exactly the driver and the override that it had."""
    try:
        put_back(verbs, before, patience)
    except HostError as error:
        code = failure_code(error, "release-failed")
        raise refusals.release_failed(before.address, before.driver, str(error), code) from error


def check_alive(verbs: DeviceVerbs, address: PciAddress, patience: float) -> None:
    """Waits until configuration space reads as a device's; one that stays all ones did not come back."""
    folder = device_folder(verbs.root, address)
    if not wait_until(lambda: not is_gone(folder), patience):
        raise refusals.reset_failed(address, "Its configuration space reads as all ones: it did not come back.")
