"""The socket on which the APIs are served, with a bound on open connections: of all clients, and of those of one address.

A connection over a limit is closed at once, before a byte of it is read; open connections continue. It is done where
connections are taken, so that half of a TLS handshake counts too. asyncio, which takes them, would log each failure to
take one and try again a second later: here one more file is kept open, to be closed for taking such a connection and
closing it, and that is logged once a minute.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import resource
import socket
import threading
import time
from collections import Counter
from typing import Any

import structlog

_log = structlog.get_logger("busway.serve")

# Files that are open beside connections: databases, images, logs.
_OTHER_FILES = 256
_MOST_FILES = 65_536
_QUIET_SECONDS = 60.0
_IPV6_NETWORK = 64
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class BoundedListener(socket.socket):
    """A listening TCP socket for one event loop; set the bounds before the first connection is taken."""

    def __init__(self, family: int, most: int, most_of_address: int) -> None:
        # The protocol is named so that asyncio sets TCP_NODELAY on the connections: without it each answer waits 40 ms.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._most = min(most, _raise_file_limit() - _OTHER_FILES)
        self._most_of_address = most_of_address
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._quiet_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that is within the bounds; raises `BlockingIOError` when there is none."""
        while True:
            try:
                connection, address = super().accept()
            except OSError as error:
                if error.errno not in _OUT_OF_FILES:
                    raise
                self._turn_away(error)
                raise BlockingIOError from error
            owner = _owner(address[0])
            with self._lock:
                free = self._counts.total() < self._most and self._counts[owner] < self._most_of_address
                if free:
                    self._counts[owner] += 1
            if free:
                return _Connection(connection, self, owner), address
            connection.close()
            self._warn("connections over the bound are closed", address=owner, open=self.open)

    @property
    def open(self) -> int:
        """How many connections are open."""
        with self._lock:
            return self._counts.total()

    def forget(self, owner: str) -> None:
        """Counts a connection as closed."""
        with self._lock:
            self._counts[owner] -= 1
            if self._counts[owner] <= 0:
                del self._counts[owner]

    def close(self) -> None:
        """Closes the socket; open connections continue."""
        super().close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _turn_away(self, error: OSError) -> None:
        os.close(self._spare)
        with contextlib.suppress(OSError):
            super().accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._warn("there are no files left for connections; new ones are closed", reason=error.strerror)

    def _warn(self, event: str, **facts: object) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            _log.warning(event, quiet_seconds=_QUIET_SECONDS, **facts)


class _Connection(socket.socket):
    """A connection that tells its listener when it is closed."""

    def __init__(self, taken: socket.socket, listener: BoundedListener, owner: str) -> None:
        super().__init__(taken.family, taken.type, taken.proto, fileno=taken.detach())
        self._listener: BoundedListener | None = listener
        self._owner = owner

    def close(self) -> None:
        """Closes the connection; again is harmless."""
        super().close()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.forget(self._owner)


def _owner(address: str) -> str:
    """Whose connection it is: an IPv4 address, or the network of 64 bits that an IPv6 site has as a whole."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
        return str(found.ipv4_mapped)
    return str(found)


def _raise_file_limit() -> int:
    """Lets this process have as many open files as it may; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft
