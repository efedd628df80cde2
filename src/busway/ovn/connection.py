"""Where a northbound database answers: `unix:PATH` or `ssl:HOST:PORT`, as Neutron's `ovn_nb_connection` writes it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from busway.domain.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Address:
    """One server of the database: `path` of a Unix socket, or host and port for TLS."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"ssl:{self.host}:{self.port}"

    def connect(self, tls: Callable[[], ssl.SSLContext], seconds: float) -> socket.socket:
        """A connection; raises `OSError` (also for a certificate that is not believed)."""
        if self.path:
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.settimeout(seconds)
            try:
                plain.connect(self.path)
            except OSError:
                plain.close()
                raise
            return plain
        plain = socket.create_connection((self.host, self.port), timeout=seconds)
        try:
            return tls().wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise


def parse_addresses(text: str) -> tuple[Address, ...]:
    """The servers of one database, separated by commas; raises `InvalidConfig`."""
    return tuple(_parse(part.strip()) for part in text.split(",") if part.strip())


def _parse(word: str) -> Address:
    kind, _, rest = word.partition(":")
    if kind == "unix" and rest.startswith("/"):
        return Address(path=rest)
    host, _, port = rest.rpartition(":")
    if kind == "ssl" and host.strip("[]") and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return Address(host=host.strip("[]"), port=int(port))
    raise InvalidConfig(
        f"{word} is no address of a northbound database",
        detail="Whoever writes there decides what passes between guests, so plain TCP is not accepted.",
        remedy="Write unix:/run/ovn/ovnnb_db.sock or ssl:HOST:6641; separate the servers of a cluster by commas.",
        code="ovn-address",
    )
