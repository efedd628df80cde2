"""The target's end of the tunnel: it listens while a guest is on its way to this host, and no longer.

A connection must show, within TLS, the secret of one move, which the control plane has told to the source's agent alone. What does
not is closed, and reaches nothing of this host.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from busway.agent.live.protocol import Channel, Lines, to_words
from busway.agent.live.pump import pump
from busway.domain.connection import Connection, from_words
from busway.domain.errors import BuswayError, HostError
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveOrder
from busway.pki.ephemeral import ephemeral_server

_HELLO_SECONDS = 10.0
_HELLO_BYTES = 4096
_STRANGERS = 16  # connections that have not shown their secret yet
_CONNECTIONS = 32  # of one move: one of libvirt, one of its memory, some of each disk
_SILENT_MS = 30_000  # how long what was sent may stay unacknowledged: then the other host is gone


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest that is awaited: where its connections lead, and what is done for its source.

    `prepare` takes the source's definition and answers with this host's; `go` lets the guest run here, with the connections that it had.
    """

    server_id: ServerId
    order: LiveOrder
    sockets: Mapping[Channel, Path]
    prepare: Callable[[dict[str, object]], dict[str, object]]
    go: Callable[[tuple[Connection, ...]], None]


class Listener:
    """Listens at one address as long as it awaits a guest; each time with a new key."""

    def __init__(self, address: tuple[str, int], log: FilteringBoundLogger) -> None:
        self._address = address
        self._log = log
        self._guard = threading.Lock()
        self._acting = (
            threading.Lock()
        )  # what is done for a guest ends before it is awaited no longer; taken before the other
        self._guests: dict[str, Guest] = {}
        self._open: dict[str, set[socket.socket]] = {}
        self._socket: socket.socket | None = None
        self._context: ssl.SSLContext | None = None
        self._strangers = threading.BoundedSemaphore(_STRANGERS)
        self.fingerprint = ""
        self.port = 0

    def awaited(self) -> dict[ServerId, str]:
        """The servers that are awaited, with their moves."""
        with self._guard:
            return {guest.server_id: move for move, guest in self._guests.items()}

    def expect(self, guest: Guest) -> None:
        """Awaits a guest; begins to listen with the first one. Raises `HostError` if it can't."""
        with self._guard:
            if self._socket is None:
                self._listen()
            self._guests[guest.order.move] = guest

    def keep(self, moves: frozenset[str]) -> None:
        """Awaits only these from now on: the connections of the others are cut. Listens no longer if there are none."""
        with self._guard:
            if self._socket is None or (self._guests and moves >= self._guests.keys()):
                return
        with self._acting, self._guard:
            for move in [each for each in self._guests if each not in moves]:
                del self._guests[move]
                for connection in self._open.pop(move, set()):
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
            if not self._guests and self._socket is not None:
                with suppress(OSError):  # a closed socket alone would not wake who waits for it
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()
                self._socket = None

    def close(self) -> None:
        """Awaits nobody."""
        self.keep(frozenset())

    def _listen(self) -> None:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_STRANGERS)
        except OSError as error:
            listening.close()
            raise HostError(
                f"The agent can't listen at {host}:{port} for a guest that is on its way",
                detail=str(error),
                remedy="Start the agent with --live-listen and an address of this host, and a port that is free.",
                code="live-listen",
            ) from error
        self._context, self.fingerprint = ephemeral_server(datetime.now(UTC))
        self.port = listening.getsockname()[1]
        self._socket = listening
        threading.Thread(
            target=self._accept, args=(listening, self._context), name="live listener", daemon=True
        ).start()

    def _accept(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                connection, peer = listening.accept()
            except OSError:
                return
            if not self._strangers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(
                target=self._greet, args=(connection, context, peer[0]), name="live connection", daemon=True
            ).start()

    def _greet(self, connection: socket.socket, context: ssl.SSLContext, peer: str) -> None:
        """Accepts a connection that shows the secret of a move; until then it counts as a stranger."""
        secure: socket.socket = connection  # wrapping takes the socket over, and leaves nothing to close
        try:
            try:
                connection.settimeout(_HELLO_SECONDS)
                watch_peer(connection)
                secure = context.wrap_socket(connection, server_side=True)
                lines = Lines(secure)
                hello = lines.receive(_HELLO_BYTES, _HELLO_SECONDS)
                secure.settimeout(_HELLO_SECONDS)
                guest = self._known(hello)
                channel = Channel(str(hello.get("channel", "")))
            finally:
                self._strangers.release()
        except (OSError, ValueError, TypeError) as error:
            self._log.warning("a connection for a live migration was refused", peer=peer, why=str(error)[:200])
            secure.close()
            return
        try:
            self._serve(guest, channel, secure, lines)
        except (OSError, ValueError) as error:
            self._log.info("a connection of a live migration has ended", server=guest.server_id, why=str(error)[:200])
        finally:
            with self._guard:
                self._open.get(guest.order.move, set()).discard(secure)
            secure.close()

    def _known(self, hello: dict[str, object]) -> Guest:
        """The guest with this secret, or None; the comparison takes the same time for every secret."""
        move, shown = hello.get("move"), hello.get("secret")
        with self._guard:
            guest = self._guests.get(str(move))
        wanted = guest.order.secret if guest is not None else ""
        same = hmac.compare_digest(_hash(str(shown)), _hash(wanted))
        if guest is None or not wanted or not same:
            raise ValueError("it does not know the secret of a move to this host")
        return guest

    def _serve(self, guest: Guest, channel: Channel, secure: socket.socket, lines: Lines) -> None:
        with self._guard:
            connections = self._open.setdefault(guest.order.move, set())
            if len(connections) >= _CONNECTIONS or guest.order.move not in self._guests:
                raise ValueError("there are too many connections, or the guest is not awaited any more")
            connections.add(secure)
        if channel is Channel.CONTROL:
            secure.settimeout(None)
            lines.send(ok=True)
            self._agree(guest, lines)
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as inner:
            inner.settimeout(_HELLO_SECONDS)
            inner.connect(str(guest.sockets[channel]))
            lines.send(ok=True)
            pump(secure, inner, lambda: self._awaits(guest))

    def _awaits(self, guest: Guest) -> bool:
        with self._guard:
            return self._guests.get(guest.order.move) is guest

    def _agree(self, guest: Guest, lines: Lines) -> None:
        """Answers the source's agent until it closes."""
        while True:
            asked = lines.receive()
            with self._acting:
                if not self._awaits(guest):
                    raise ValueError("the guest is not awaited any more")
                answer = self._answer(guest, asked)
            lines.send(**answer)  # a source that reads nothing holds up nobody else

    @staticmethod
    def _answer(guest: Guest, asked: dict[str, object]) -> dict[str, object]:
        try:
            if "definition" in asked:
                return guest.prepare(asked)
            if "go" in asked:
                guest.go(from_words(asked.get("connections")))
                return {"runs": True}
        except RecursionError as error:
            raise ValueError("its definition is nested too deeply") from error
        except BuswayError as error:
            return {"error": to_words(error)}
        raise ValueError("nobody knows what it asks for")


def watch_peer(connection: socket.socket) -> None:
    """Lets the kernel end a connection to a host that is gone without a word."""
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
