"""A guest's consoles: what a person sees of it and types into it from afar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from busway.domain.ids import ServerId


class ConsoleKind(StrEnum):
    """What a guest can be looked at by; the words are the protocols' of Nova's remote consoles."""

    VNC = "vnc"
    SERIAL = "serial"
    SPICE = "spice"  # whose bytes no agent passes on: a proxy connects to the host


@dataclass(frozen=True, slots=True)
class SpiceEnds:
    """Where a guest's SPICE screen is reached: a host, its port, and its port for TLS; None for one that is not there."""

    host: str
    port: int | None
    tls_port: int | None


@dataclass(frozen=True, slots=True)
class ConsoleCall:
    """Somebody waits at the control plane for a guest's console: its host's agent is to connect the two."""

    id: str  # of this one connection
    server_id: ServerId
    kind: ConsoleKind
