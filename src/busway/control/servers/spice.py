"""SPICE consoles: a link that leads to the operator's proxy, and where that proxy finds the guest's screen.

No agent passes their bytes on: the guest's screen listens on its host's network.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.control.servers.console import create_console, find_link
from busway.control.servers.questions import ask_spice
from busway.domain.caller import Caller
from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.errors import NotFound
from busway.domain.ids import ServerId


def create_spice_console(control: Control, caller: Caller, server_id: str) -> str:
    """Makes a link to a server's SPICE screen and returns its token; raises `Conflict` for a guest that has none or does not run."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "remoteConsole")
    ask_spice(control, row)
    return create_console(control, caller, server_id, ConsoleKind.SPICE)


def find_spice_console(control: Control, token: str) -> tuple[ServerId, SpiceEnds]:
    """Returns the server of a link's token, and where its screen is now; raises `NotFound` for a token that is none of a SPICE console."""
    with control.db.read() as tx:
        found = find_link(control, tx, token)
    if found is None or found[0].kind is not ConsoleKind.SPICE:
        raise NotFound(
            "There is no link to a SPICE console with this token",
            detail="It has expired, or was never given out, or leads to another console, which the control plane itself serves.",
            remedy="Request a new one: POST servers/ID/remote-consoles with the type spice-direct.",
            code="console-token-unknown",
        )
    row = found[1]
    return row.id, ask_spice(control, row)
