"""Remote consoles: a link with a token of its own for one console of one server, and the call that it makes to the host.

Bytes never come here: `busway.api.console` connects who holds the link with the host's agent, which dials in when it
is called.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.domain.caller import Caller
from busway.domain.console import ConsoleCall, ConsoleKind
from busway.domain.errors import Conflict, Forbidden
from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.domain.server import PowerState
from busway.store import remote_consoles, servers
from busway.store.database import Tx
from busway.store.remote_consoles import RemoteConsole
from busway.store.servers import Intent, ServerRow

LINKS_OF_SERVER = 50
# How long who opens a link waits for the host's agent to dial in.
CALL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class OpenConsole:
    """A console that somebody has opened with a link: whose it is, where it is, and the call to its host."""

    call_id: str
    host_id: HostId
    server_id: ServerId
    project_id: ProjectId
    user_id: UserId
    kind: ConsoleKind


def topic(host_id: HostId) -> str:
    """What rings for a host's agent when somebody waits for a console there."""
    return f"consoles:{host_id}"


def create_console(control: Control, caller: Caller, server_id: str, kind: ConsoleKind) -> str:
    """Makes a link to a server's console and returns its token; raises `Conflict` for a server that does not run."""
    token = secrets.token_urlsafe(32)
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "remoteConsole")
        _check_running(row)
        remote_consoles.forget_expired(tx, row.id, now)
        if remote_consoles.count_consoles(tx, row.id) >= LINKS_OF_SERVER:
            raise Conflict(
                f"Server {row.id} has {LINKS_OF_SERVER} open links to its consoles",
                remedy=f"Use one of them, or wait: each ends after {control.settings.console_token_ttl} seconds.",
                code="console-links",
            )
        ends = now + timedelta(seconds=control.settings.console_token_ttl)
        link = RemoteConsole(
            control.new_id(), _hash(token), row.id, row.project_id, caller.user_id, kind, now, expires=ends
        )
        remote_consoles.add_console(tx, link)
    return token


def open_console(control: Control, token: str) -> OpenConsole:
    """Calls the host of a link's server; raises `Forbidden` for a token that is none, `Conflict` for a server that is off."""
    now = control.now()
    with control.db.write() as tx:
        found = find_link(control, tx, token)
        if found is None or found[0].kind is ConsoleKind.SPICE:
            raise Forbidden(
                "This console link has expired",
                remedy="Request a new one: openstack console url show SERVER",
                code="console-token",
            )
        link, row = found
        host_id = _check_running(row)
        call = OpenConsole(control.new_id(), host_id, row.id, row.project_id, link.user_id, link.kind)
        remote_consoles.begin_call(tx, link.id, call.call_id, now)
    control.bell.ring(topic(host_id))
    return call


def find_link(control: Control, tx: Tx, token: str) -> tuple[RemoteConsole, ServerRow] | None:
    """Returns the link of a token, and its server, None for a token that is none (any more)."""
    link = remote_consoles.find_console(tx, _hash(token), control.now())
    row = servers.find_server(tx, link.server_id) if link else None
    if link is None or row is None or row.project_id != link.project_id or row.intent is not Intent.PRESENT:
        return None
    return link, row


def end_call(control: Control, call_id: str) -> None:
    """Ends a call: it was answered, or nobody waits any more."""
    with control.db.write() as tx:
        remote_consoles.end_call(tx, call_id)


def list_calls(control: Control, host_id: HostId) -> tuple[ConsoleCall, ...]:
    """Who waits right now for a console of a guest on this host."""
    with control.db.read() as tx:
        return remote_consoles.list_calls(tx, host_id, control.now() - timedelta(seconds=CALL_SECONDS))


def count_calls(control: Control, host_ids: Collection[HostId]) -> dict[HostId, int]:
    """How many wait for consoles on each of some hosts; hosts for which nobody waits are left out."""
    with control.db.read() as tx:
        counts = remote_consoles.count_calls(tx, control.now() - timedelta(seconds=CALL_SECONDS))
    return {host_id: count for host_id, count in counts.items() if host_id in host_ids}


def _check_running(row: ServerRow) -> HostId:
    if row.host_id is None or row.power is not PowerState.RUNNING:
        raise Conflict(
            f"Server {row.id} does not run",
            detail=f"It is {row.status}; a console needs a running guest.",
            remedy="Start it, or read its log: openstack console log show",
            code="console-not-running",
        )
    return row.host_id


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
