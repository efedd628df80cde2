"""Gives a bound card back to the drivers its functions had; or leaves it bound, out of everyone's reach."""

from __future__ import annotations

from functools import partial

from busway.domain.address import PciAddress
from busway.hardware import refusals
from busway.hardware.alive import is_gone
from busway.hardware.machine import Machine
from busway.hardware.scan import device_folder
from busway.hardware.undo import Undo
from busway.hardware.verbs.bind import Before, Bound, how_it_is, put_back
from busway.hardware.verbs.mode import Mode
from busway.hardware.verbs.obstacle import Obstacle, absent, held, refuse
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until


def preflight_release(verbs: DeviceVerbs, bound: Bound) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `release_card`; changes nothing."""
    machine = Machine.read(verbs.root)
    functions = [machine.find(one.address) for one in bound.functions]
    gone = [one.address for one, found in zip(bound.functions, functions, strict=True) if found is None]
    if gone:
        return tuple(absent(address) for address in gone)
    holders = machine.open_files.holders(function for function in functions if function)
    return (held(str(bound.functions[0].address), holders),) if holders else ()


def release_card(verbs: DeviceVerbs, bound: Bound, *, patience: float = 20.0) -> bool:
    """Resets each function and gives it back to its driver of before; True when all of them had a reset method.

    When a reset or a driver fails, everything goes back to `bound.mode`: no host driver gets a device that may hang.
    """
    refuse(preflight_release(verbs, bound))
    all_reset = True
    with Undo() as undo:
        for one in bound.functions:
            now = how_it_is(verbs, one.address)
            undo.add(partial(put_back, verbs, now, patience))
            if now.driver == bound.mode:
                all_reset = _reset(verbs, one, bound.mode, patience) and all_reset
            put_back(verbs, one, patience)
        undo.keep()
    return all_reset


def _reset(verbs: DeviceVerbs, one: Before, mode: Mode, patience: float) -> bool:
    """Resets a function while the override still keeps host drivers away; one that stays bound is reset in place."""
    if one.driver != mode:
        verbs.unbind(one.address)
    done = verbs.reset(one.address)
    check_alive(verbs, one.address, patience)
    return done


def check_alive(verbs: DeviceVerbs, address: PciAddress, patience: float) -> None:
    """Waits until configuration space reads as a device's; one that stays all ones did not come back."""
    folder = device_folder(verbs.root, address)
    if not wait_until(lambda: not is_gone(folder), patience):
        raise refusals.reset_failed(address, "Its configuration space reads as all ones: it did not come back.")
