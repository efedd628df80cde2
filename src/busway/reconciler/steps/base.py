"""The base of all steps: one idempotent act for one server, with its reason and its policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from busway.domain.documents import DesiredServer
from busway.domain.ids import ServerId


class Subject(StrEnum):
    """What a failed step is the fault of: it decides where the fault is stored and shown."""

    SERVER = "server"
    DEVICE = "device"
    HOST = "host"


class Retry(StrEnum):
    """When a step that failed is tried again."""

    ON_CHANGE = "on-change"  # when something else is desired of its server; at once again while that is to go
    ALWAYS = "always"  # again and again, after pauses that grow


@dataclass(frozen=True, slots=True)
class Policy:
    """How the executor treats one kind of step.

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
        """What the step acts on: its server, or one device of the server."""
        return str(self.server_id)


@dataclass(frozen=True, slots=True)
class ServerStep(Step):
    """A step that needs to know all that is desired of its server."""

    server: DesiredServer
