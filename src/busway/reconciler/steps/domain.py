"""The steps for the guest: what libvirt knows of it, whether it runs, and the counters of what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from busway.reconciler.steps.base import ServerStep, Step


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
class RecordCounters(Step):
    """Remembers how many starts and reboots have been carried out."""

    starts: int
    reboots: int
