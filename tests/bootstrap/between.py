"""Somebody in between: a TLS server with a certificate of its own that hands on all it gets, and remembers it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from busway.pki.authority import make_authority
from busway.pki.context import server_context, unverified_context


class Between:
    """What came through, and where it listens; `poses` tells the authority that it shows as if it were the cloud's."""

    def __init__(self, target: str, folder: Path, *, poses: bool) -> None:
        self.seen = bytearray()
        self._target = urlsplit(target)
        authority = make_authority(datetime.now(UTC))
        (folder / "between.pem").write_text(authority.sign_server(["127.0.0.1"], datetime.now(UTC)))
        self._context = server_context(folder / "between.pem")
        self._answer = authority.ca.encode() if poses else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            raw.settimeout(10)
            with suppress(OSError), raw, self._context.wrap_socket(raw, server_side=True) as client:
                self._hand_on(client)

    def _hand_on(self, client: ssl.SSLSocket) -> None:
        asked = client.recv(65536)
        self.seen += asked
        if self._answer is not None:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._answer)}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode() + self._answer)
            return
        there = socket.create_connection((self._target.hostname, self._target.port), 10)
        with unverified_context().wrap_socket(there) as cloud:
            cloud.sendall(asked.replace(b"keep-alive", b"close"))
            while piece := cloud.recv(65536):
                client.sendall(piece)


@contextmanager
def between(target: str, folder: Path, *, poses: bool = False) -> Iterator[Between]:
    made = Between(target, folder, poses=poses)
    try:
        yield made
    finally:
        made.close()
