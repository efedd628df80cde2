"""The steps that change what a guest has while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.documents import Nic
from busway.domain.grant import Grant
from busway.reconciler.steps.base import Policy, Retry, ServerStep, Subject


@dataclass(frozen=True, slots=True)
class PlugCard(ServerStep):
    """Plugs a network card into the guest."""

    nic: Nic


@dataclass(frozen=True, slots=True)
class PlugDevice(ServerStep):
    """Plugs a unit, which is taken for the server, into the guest."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class AskOut(ServerStep):
    """Asks the guest to release a card or a device, and records when; a later observation finds it gone.

    `thing` is the card's MAC address or the unit's name. A guest that can't be asked keeps nothing else.
    """

    policy: ClassVar[Policy] = Policy(subject=Subject.DEVICE, blocks=False, retry=Retry.ALWAYS)

    thing: str

    @property
    def subject(self) -> str:
        """The thing, of the server."""
        return f"{self.server_id} {self.thing}"
