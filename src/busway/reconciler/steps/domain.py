"""The steps for the guest: what libvirt knows of it, whether it runs, and the counters of what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.reconciler.steps.base import Policy, ServerStep, Step


@dataclass(frozen=True, slots=True)
class DefineDomain(ServerStep):
    """Tells libvirt of the guest."""


@dataclass(frozen=True, slots=True)
class UndefineDomain(Step):
    """Makes libvirt forget the guest."""


@dataclass(frozen=True, slots=True)
class StartDomain(Step):
    """Starts the guest."""


@dataclass(frozen=True, slots=True)
class StopDomain(Step):
    """Asks the guest by ACPI to power off."""


@dataclass(frozen=True, slots=True)
class DestroyDomain(Step):
    """Ends the guest by force."""


@dataclass(frozen=True, slots=True)
class RebootDomain(Step):
    """Reboots the guest, by ACPI or by force."""

    hard: bool


@dataclass(frozen=True, slots=True)
class PauseDomain(Step):
    """Stops the guest's vCPUs."""


@dataclass(frozen=True, slots=True)
class UnpauseDomain(Step):
    """Lets the guest's vCPUs continue."""


@dataclass(frozen=True, slots=True)
class SaveDomain(Step):
    """Ends the guest and keeps its memory in a file, from which its next start continues."""

    policy: ClassVar[Policy] = Policy(long=True)


@dataclass(frozen=True, slots=True)
class ForgetSaved(Step):
    """Removes the memory that was kept of the guest: its next start is a boot."""


@dataclass(frozen=True, slots=True)
class ReceiveDomain(ServerStep):
    """Awaits the guest, which runs on another host and is to continue here."""


@dataclass(frozen=True, slots=True)
class MigrateDomain(ServerStep):
    """Sends the guest, while it runs, to another host; from then on it is not this host's."""

    policy: ClassVar[Policy] = Policy(long=True)


@dataclass(frozen=True, slots=True)
class RecordCounters(Step):
    """Remembers how many starts and reboots have been carried out."""

    starts: int
    reboots: int
