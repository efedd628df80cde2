"""The source's end of the tunnel: Unix sockets of this host that lead to the target's libvirt and QEMU, for one move."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from busway.agent.live.listener import watch_peer
from busway.agent.live.protocol import Channel, Lines, from_words
from busway.agent.live.pump import pump
from busway.domain.connection import Connection, to_words
from busway.domain.errors import HostError
from busway.domain.live_move import LiveOrder
from busway.pki.ephemeral import check_peer, ephemeral_client

_CONNECT_SECONDS = 15.0
_PREPARE_SECONDS = 120.0
_GO_SECONDS = 30.0


class Target:
    """The conversation with the target's agent."""

    def __init__(self, order: LiveOrder) -> None:
        self._order = order
        self._connection, self._lines = _connect(order, Channel.CONTROL)

    def prepare(self, **words: object) -> dict[str, object]:
        """Sends the definition of the guest, and returns what the target answers."""
        return self._ask(_PREPARE_SECONDS, **words)

    def go(self, connections: Sequence[Connection] = ()) -> None:
        """Tells the target that its guest may run, with the connections that it has."""
        self._ask(_GO_SECONDS, go=True, connections=to_words(connections))

    def close(self) -> None:
        """Ends it."""
        self._connection.close()

    def _ask(self, seconds: float, **words: object) -> dict[str, object]:
        try:
            self._connection.settimeout(seconds)
            self._lines.send(**words)
            answer = self._lines.receive()
        except (OSError, ValueError) as error:
            raise _broken(self._order, error) from error
        if "error" in answer:
            raise from_words(answer["error"])
        return answer


@contextmanager
def leading_to(order: LiveOrder, sockets: Mapping[Channel, Path], owner: tuple[int, int]) -> Iterator[None]:
    """Has each socket lead to the target's of the same channel until the block ends; `owner` is QEMU's user here."""
    over = threading.Event()
    listening = []
    try:
        for channel, path in sockets.items():
            made = _listen(path, owner)
            listening.append(made)
            threading.Thread(
                target=_lead, args=(made, order, channel, over), name=f"live {channel}", daemon=True
            ).start()
        yield
    finally:
        over.set()
        for each in listening:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for path in sockets.values():
            path.unlink(missing_ok=True)


def _listen(path: Path, owner: tuple[int, int]) -> socket.socket:
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    os.chown(path, *owner)
    made.listen(16)
    return made


def _lead(listening: socket.socket, order: LiveOrder, channel: Channel, over: threading.Event) -> None:
    while True:
        try:
            inner, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_join, args=(inner, order, channel, over), name=f"live {channel}", daemon=True).start()


def _join(inner: socket.socket, order: LiveOrder, channel: Channel, over: threading.Event) -> None:
    try:
        outer, _lines = _connect(order, channel)
    except HostError:  # whoever has connected here sees that it is closed
        inner.close()
        return
    pump(inner, outer, lambda: not over.is_set())


def _connect(order: LiveOrder, channel: Channel) -> tuple[ssl.SSLSocket, Lines]:
    """Connects, checks who answers, and shows the move's secret then."""
    host, _, port = order.peer.rpartition(":")
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise HostError(
            f"The target host can't be reached at {order.peer}",
            detail=str(error),
            remedy="Check the network between the hosts and their firewalls, or start the target's agent with --live-address and an address "
            "by which others reach it.",
            code="live-unreachable",
        ) from error
    try:
        watch_peer(connection)
        secure = ephemeral_client().wrap_socket(connection)
    except (OSError, ValueError) as error:
        connection.close()
        raise _broken(order, error) from error
    try:
        check_peer(secure, order.fingerprint)
        lines = Lines(secure)
        lines.send(move=order.move, secret=order.secret, channel=channel)
        lines.receive()
    except (OSError, ValueError) as error:
        secure.close()
        raise _broken(order, error) from error
    except HostError:
        secure.close()
        raise
    return secure, lines


def _broken(order: LiveOrder, error: Exception) -> HostError:
    return HostError(
        f"The connection to the target host at {order.peer} broke",
        detail=f"{type(error).__name__}: {error}",
        remedy="Look at the log of its agent, then migrate the server again.",
        code="live-broken",
    )
