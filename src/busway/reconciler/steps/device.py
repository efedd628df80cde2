"""The steps for what a server holds claims on, whichever kind of resource it is: the unit says the kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.grant import Grant, Held
from busway.domain.units import Unit
from busway.reconciler.steps.base import Policy, Retry, Step, Subject


@dataclass(frozen=True, slots=True)
class TakeDevice(Step):
    """Takes a unit for the server; `together` are all units of it, whose turn comes too."""

    grant: Grant
    together: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class GiveBackDevice(Step):
    """Gives a unit back to its host; one that can't be given back does not keep the server's others."""

    policy: ClassVar[Policy] = Policy(subject=Subject.DEVICE, blocks=False, retry=Retry.ALWAYS)

    held: Held

    @property
    def subject(self) -> str:
        """The unit, of the server."""
        return f"{self.server_id} {self.held.unit.name}"
