"""What every step is: one idempotent act, the server it is for, the reason, and how it is treated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from busway.domain.documents import DesiredServer
from busway.domain.ids import ServerId


class Subject(StrEnum):
    """Whose failure it is when a step fails: where its fault is kept and shown."""

    SERVER = "server"
    DEVICE = "device"
    HOST = "host"


class Retry(StrEnum):
    """When a step that failed is tried again."""

    ON_CHANGE = "on-change"  # when something else is desired of its server; at once again while that is to go
    ALWAYS = "always"  # again and again, after pauses that grow


@dataclass(frozen=True, slots=True)
class Policy:
    """How whoever carries steps out treats one kind of them.

    A failed step that `blocks` leaves out the rest of its server's plan. A `long` one may take minutes or hours.
    """

    subject: Subject = Subject.SERVER
    blocks: bool = True
    retry: Retry = Retry.ON_CHANGE
    long: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One act for one server; `reason` is for people."""

    policy: ClassVar[Policy] = Policy()

    server_id: ServerId
    reason: str

    @property
    def name(self) -> str:
        """The name of the step, as logs, faults and crash points have it."""
        return type(self).__name__

    @property
    def subject(self) -> str:
        """What it acts on, in one word: its server, unless it is for one device of that."""
        return str(self.server_id)


@dataclass(frozen=True, slots=True)
class ServerStep(Step):
    """A step that needs to know all that is desired of its server."""

    server: DesiredServer
