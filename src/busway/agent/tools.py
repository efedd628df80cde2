"""What a step may use: the seams and choices of one agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busway.agent.link import AgentLink
from busway.agent.state import StateFolder
from busway.hardware.kernel import KernelVerbs
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.seam import Hypervisor
from busway.networking.networks import GuestNetworks

# Makes a qcow2 disk: (image, its format, the disk to make, size in GB or 0 for the image's own size).
DiskMaker = Callable[[Path, str, Path, int], None]
# Writes a disk with all that it reads from into one file: (the disk, the file to make, what to call now and then).
DiskFlattener = Callable[[Path, Path, Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Tools:
    """The seams of an agent, its folder and its choices.

    `breathe` is called by long steps so that the agent can report meanwhile; `patience` is the deadline of one kernel
    verb's effect in seconds; `wall_ns` is the time in nanoseconds since the epoch.
    """

    link: AgentLink
    hypervisor: Hypervisor
    kernel: KernelVerbs
    state: StateFolder
    options: GuestOptions
    networks: GuestNetworks
    make_disk: DiskMaker
    flatten_disk: DiskFlattener
    wall_ns: Callable[[], int]
    breathe: Callable[[], None] = lambda: None
    patience: float = 20.0
