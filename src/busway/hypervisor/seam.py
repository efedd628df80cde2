"""The seam to a hypervisor: what an agent asks of it and what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.grant import Attachment
from busway.domain.host_facts import GuestKind
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress
from busway.domain.server import PowerState
from busway.hypervisor.live import LiveDefinition, LiveWatch, LiveWay


@dataclass(frozen=True, slots=True)
class HypervisorFacts:
    """What the hypervisor says of itself and its host; `version` counts as libvirt does (major * 1,000,000 + ...)."""

    type: str
    version: int
    vcpus: int
    ram_mb: int
    cpu_model: str
    virt_types: tuple[str, ...]  # such as ("qemu", "kvm")
    architecture: str = ""
    cpu_features: tuple[str, ...] = ()
    guests: tuple[GuestKind, ...] = ()
    machine: tuple[str, ...] = ()  # what guests' machines may have, in the words of `MachineWord`


@dataclass(frozen=True, slots=True)
class DomainSeen:
    """A domain of ours: its server, power and the units of the host that its definition names.

    `paused` tells that somebody has paused it; a guest whose power is PAUSED may also stand still because its disk is full.
    `saved` tells that its memory is in a file, from which its next start continues. `cards` are the MAC addresses of its
    network cards. Of a guest that runs, `attached` and `cards` are what it has now, and not what its next start has.
    `arriving` tells that it is being filled from another host, and `left` that it is off because another host has it.
    """

    server_id: ServerId
    name: str
    power: PowerState
    attached: tuple[Attachment, ...]
    paused: bool = False
    saved: bool = False
    cards: tuple[str, ...] = ()
    arriving: bool = False
    left: bool = False

    @property
    def is_active(self) -> bool:
        """True while QEMU runs, paused guests included."""
        return self.power in (PowerState.RUNNING, PowerState.PAUSED)


class Hypervisor(Protocol):
    """Some fifteen verbs; each raises `HostError` with the hypervisor's own words, or `Unavailable` when it is away."""

    def facts(self) -> HypervisorFacts:
        """Tells what this hypervisor is."""

    def domains(self) -> tuple[DomainSeen, ...]:
        """Lists the domains that carry Busway's mark, in the order of their server ids; others are not ours to see."""

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Tells the sockets of a running guest's consoles; a guest that is off or unknown has none."""

    def spice(self, server_id: ServerId) -> SpiceEnds | None:
        """Tells where a running guest's SPICE screen listens; None for one without it, that is off or unknown."""

    def diagnostics(self, server_id: ServerId) -> Diagnostics:
        """Tells what is counted of a guest; `HostError` for one that is unknown."""

    def ask_guest(self, server_id: ServerId, command: str, seconds: int) -> str:
        """Hands a command to the agent in a guest and returns its answer, both as JSON; `HostError` where none answers in time."""

    def define(self, xml: str) -> None:
        """Makes a domain known, or replaces the definition of the one with the same UUID."""

    def start(self, server_id: ServerId) -> None:
        """Starts a domain, from its saved memory if there is any; nothing happens when it runs."""

    def shutdown(self, server_id: ServerId) -> None:
        """Asks the guest by ACPI to power off and does not wait; nothing happens when it is off."""

    def destroy(self, server_id: ServerId) -> None:
        """Ends a guest by force; nothing happens when it is off or unknown."""

    def reboot(self, server_id: ServerId, *, hard: bool) -> None:
        """Reboots a guest by ACPI (nothing happens when it is off), or ends and starts it by force."""

    def plug(self, server_id: ServerId, xml: str) -> None:
        """Adds a device of a domain to a guest that runs; its definition stays. `HostError` when it is off."""

    def ask_out(self, server_id: ServerId, thing: str) -> None:
        """Asks a guest that runs to let go of a card (its MAC address) or a unit (its name), and does not wait for it.

        Nothing happens when it has none such, is off, or has been asked already.
        """

    def inject_nmi(self, server_id: ServerId) -> None:
        """Sends a guest a non-maskable interrupt, at which its system may write a crash dump; `HostError` when it is off."""

    def pause(self, server_id: ServerId) -> None:
        """Stops the vCPUs of a guest; nothing happens when they stand still, `HostError` when it is off."""

    def unpause(self, server_id: ServerId) -> None:
        """Lets the vCPUs of a guest continue; nothing happens when they run, `HostError` when it is off."""

    def save(self, server_id: ServerId) -> None:
        """Ends a guest and keeps its memory in a file; nothing happens when it is off. May take minutes.

        Raises `Unavailable` while an earlier one is still under way.
        """

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes the memory that was kept of a guest; nothing happens when there is none."""

    def begin_copy(self, server_id: ServerId, disk: Path, target: Path) -> None:
        """Begins to copy a disk of a guest that runs or is paused, as it is now, into a new qcow2 file that needs no other.

        An earlier copy that is still under way is given up first. `HostError` when the guest is off.
        """

    def is_copied(self, server_id: ServerId) -> bool:
        """True once the copy that was begun is whole, False while it is under way; `HostError` when it has failed."""

    def end_copy(self, server_id: ServerId) -> None:
        """Gives up a copy that is under way; nothing happens when there is none."""

    def freeze(self, server_id: ServerId, seconds: int) -> None:
        """Has the agent in the guest write everything to its disks and hold further writes; `HostError` when it does not."""

    def thaw(self, server_id: ServerId, seconds: int) -> None:
        """Lets the guest write again; `HostError` when its agent does not answer in time."""

    def undefine(self, server_id: ServerId) -> None:
        """Makes a domain that is off unknown; nothing happens when it is."""

    def driver_socket(self) -> Path:
        """Where the hypervisor itself is spoken to on this host."""

    def guest_owner(self) -> tuple[int, int]:
        """The user and the group that guests run as, by their numbers."""

    def describe_live(self, server_id: ServerId) -> LiveDefinition:
        """Tells what another host needs to take a guest that runs; `HostError` when it is off."""

    def check_cpu(self, wanted: LiveDefinition) -> None:
        """Raises `HostError` unless a guest that runs elsewhere can continue on this host's CPUs."""

    def hand_over(self, server_id: ServerId, way: LiveWay, watch: LiveWatch) -> LiveProgress:
        """Copies a guest that runs to another host, ends it here and leaves it standing still there. May take hours.

        Raises what `watch` raises, or `HostError`: then the guest continues here, and the other host has none of it.
        """
