"""The seam to a hypervisor: what an agent asks of it and what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from busway.domain.console import ConsoleKind
from busway.domain.grant import Attachment
from busway.domain.host_facts import GuestKind
from busway.domain.ids import ServerId
from busway.domain.server import PowerState


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
    `saved` tells that its memory is in a file, from which its next start goes on.
    """

    server_id: ServerId
    name: str
    power: PowerState
    attached: tuple[Attachment, ...]
    paused: bool = False
    saved: bool = False

    @property
    def is_active(self) -> bool:
        """True while QEMU runs, paused guests included."""
        return self.power in (PowerState.RUNNING, PowerState.PAUSED)


class Hypervisor(Protocol):
    """About a dozen verbs; each raises `HostError` with the hypervisor's own words, or `Unavailable` when it is away."""

    def facts(self) -> HypervisorFacts:
        """Tells what this hypervisor is."""

    def domains(self) -> tuple[DomainSeen, ...]:
        """Lists the domains that carry Busway's mark, in the order of their server ids; others are not ours to see."""

    def consoles(self, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
        """Tells the sockets of a running guest's consoles; a guest that is off or unknown has none."""

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

    def pause(self, server_id: ServerId) -> None:
        """Stops the vCPUs of a guest; nothing happens when they stand still, `HostError` when it is off."""

    def unpause(self, server_id: ServerId) -> None:
        """Lets the vCPUs of a guest go on; nothing happens when they run, `HostError` when it is off."""

    def save(self, server_id: ServerId) -> None:
        """Ends a guest and keeps its memory in a file; nothing happens when it is off. May take minutes.

        Raises `Unavailable` while an earlier one is still under way.
        """

    def forget_saved(self, server_id: ServerId) -> None:
        """Removes the memory that was kept of a guest; nothing happens when there is none."""

    def undefine(self, server_id: ServerId) -> None:
        """Makes a domain that is off unknown; nothing happens when it is."""
