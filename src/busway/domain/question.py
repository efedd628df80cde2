"""A question to a host: the control plane waits for its answer, which is about one guest or the host at this moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from busway.domain.console import SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.grant import Fault
from busway.domain.ids import ServerId

DIAGNOSTICS, PASSWORD, SPICE, NMI, UPTIME = "diagnostics", "password", "spice", "nmi", "uptime"


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """What is asked of a host's agent; an agent that does not know the kind says so in its answer.

    A password is set for `user` of the guest, and is the `secret`. What is about the host itself has "" for its server.
    """

    id: str
    server_id: ServerId
    kind: str
    user: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What the agent found, or why it found nothing; neither where something was done.

    `uptime` is the line of the program of that name.
    """

    diagnostics: Diagnostics | None = None
    spice: SpiceEnds | None = None
    uptime: str | None = None
    fault: Fault | None = None
