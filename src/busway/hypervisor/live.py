"""What a hypervisor needs to hand a running guest over, and how it is checked that the other host can take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busway.domain.live_move import LiveProgress


@dataclass(frozen=True, slots=True)
class LiveDefinition:
    """A guest that runs, as it must continue elsewhere: its definition, and what its CPU needs of a host.

    `cpu` is libvirt's XML of a CPU, "" for an emulated one, which needs the same `version` of the hypervisor instead.
    """

    xml: str
    cpu: str
    version: int
    virt_type: str


@dataclass(frozen=True, slots=True)
class LiveWay:
    """How a guest gets to its target: the definition there, and the sockets of this host that lead there.

    `driver` leads to the other libvirt. QEMU sends its memory to `memory` and the content of the `disks` (the guest's names for them, such as
    "vda") to `storage`; on the target QEMU listens at the same two paths. With `whole` the content goes with all that the disks read from, otherwise
    the target has that already.
    """

    xml: str
    driver: Path
    memory: Path
    storage: Path
    disks: tuple[str, ...]
    whole: bool = False


# Called about every half second with how far it has come; returns True to let the guest stand still, raises to give up.
LiveWatch = Callable[[LiveProgress], bool]
