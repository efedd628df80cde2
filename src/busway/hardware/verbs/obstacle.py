"""Obstacles: what stands in the way of a verb, as data, found before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from busway.domain.errors import HostError
from busway.hardware.function import Function
from busway.hardware.holders import Holder


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason to refuse; the fields are those of a `BuswayError`."""

    code: str
    brief: str
    detail: str = ""
    remedy: str = ""


def refuse(obstacles: Sequence[Obstacle]) -> None:
    """Raises the first obstacle, if there is one, with the others named in its detail."""
    if not obstacles:
        return
    first, *others = obstacles
    words = " ".join([first.detail, *(f"Also: {other.brief}." for other in others)]).strip()
    raise HostError(first.brief, detail=words, remedy=first.remedy, code=first.code)


def held(name: str, holders: Sequence[Holder]) -> Obstacle:
    """Processes have files of the device open."""
    who = ", ".join(map(str, holders))
    count = "1 process holds" if len(holders) == 1 else f"{len(holders)} processes hold"
    remedy = "Stop the named processes; Busway does not take a device from a running program."
    return Obstacle("device-held", f"{count} {name}: {who}", f"Open files of the device in {who}.", remedy)


def names(functions: Iterable[Function]) -> str:
    """Lists functions with what they are and who has them."""
    return ", ".join(f"{one.address} {one.description} (driver {one.driver or 'none'})" for one in functions)


def absent(address: object) -> Obstacle:
    """The kernel shows no such device."""
    remedy = "Check that the card is seated and powered, and that its address did not change after a reboot."
    return Obstacle("device-vanished", f"There is no device at {address}", "", remedy)


def has_vfs(name: object, count: int) -> Obstacle:
    """A PF has VFs, which would go with it."""
    words = "They belong to the physical function and would lose their device under whoever uses them."
    remedy = "Free the virtual functions, then remove them (write 0 to sriov_numvfs)."
    brief = f"{name} has {count} virtual function{'s' if count > 1 else ''} enabled"
    return Obstacle("vfs-enabled", brief, words, remedy)
