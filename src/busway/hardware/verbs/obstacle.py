"""Obstacles: what stands in the way of a verb, as data, found before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.function import Function
from busway.hardware.holders import Holder, OpenFiles
from busway.hardware.mediated import MdevParent
from busway.hardware.verbs.seam import DeviceVerbs


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason to refuse; the fields are those of a `BuswayError`."""

    code: str
    brief: str
    detail: str = ""
    remedy: str = ""


def obstacle(error: HostError) -> Obstacle:
    """The obstacle that an error describes."""
    return Obstacle(error.code, error.brief, error.detail, error.remedy)


def check_settled(verbs: DeviceVerbs, device: PciAddress | MdevParent) -> None:
    """Raises unless the kernel has finished all earlier writes for the device; nothing may be written before."""
    if pids := verbs.unfinished(device):
        raise refusals.unsettled(device, pids)


def failure_code(error: BaseException | None, otherwise: str) -> str:
    """The code of a verb that failed by this error: a blocked write stays known as one, for its outcome is open."""
    open_end = isinstance(error, HostError) and error.code in ("kernel-blocked", "kernel-unsettled")
    return "kernel-blocked" if open_end else otherwise


def refuse(obstacles: Sequence[Obstacle]) -> None:
    """Raises the first obstacle, if there is one, with the others named in its detail."""
    if not obstacles:
        return
    first, *others = obstacles
    words = " ".join([first.detail, *(f"Also: {other.brief}." for other in others)]).strip()
    raise HostError(first.brief, detail=words, remedy=first.remedy, code=first.code)


def users(name: str, files: OpenFiles, functions: Iterable[Function]) -> tuple[Obstacle, ...]:
    """The processes that have files of the functions open; and those of which nobody can tell."""
    found = []
    if holders := files.holders(functions):
        found.append(held(name, holders))
    if files.hidden:
        count = f"The open files of {files.hidden} process{'es' if files.hidden > 1 else ''} can't be read"
        words = f"One of them may hold {name}."
        found.append(Obstacle("holders-hidden", count, words, "Run as root, with the right to trace processes."))
    return tuple(found)


def held(name: str, holders: Sequence[Holder]) -> Obstacle:
    """Processes have files of the device open."""
    who = ", ".join(map(str, holders))
    count = "1 process holds" if len(holders) == 1 else f"{len(holders)} processes hold"
    remedy = "Stop the named processes; Busway does not take a device from a running program."
    return Obstacle("device-held", f"{count} {name}: {who}", f"Open files of the device in {who}.", remedy)


def names(functions: Iterable[Function]) -> str:
    """Lists functions with their descriptions and holders."""
    return ", ".join(f"{one.address} {one.description} (driver {one.driver or 'none'})" for one in functions)


def absent(device: object) -> Obstacle:
    """The kernel shows no such device."""
    return obstacle(refusals.vanished(device))


def has_vfs(name: object, count: int) -> Obstacle:
    """A PF has VFs, which would go with it."""
    words = "They belong to the physical function, and their users would lose the device."
    remedy = "Free the virtual functions, then remove them (write 0 to sriov_numvfs)."
    brief = f"{name} has {count} virtual function{'s' if count > 1 else ''} enabled"
    return Obstacle("vfs-enabled", brief, words, remedy)
