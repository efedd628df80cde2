"""A server whose key lives for one conversation is known by its fingerprint alone."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from busway.domain.errors import HostError
from busway.pki.ephemeral import check_peer, ephemeral_client, ephemeral_server


@contextmanager
def shaken_hands(server: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A client's end after the handshake with this server."""
    one, two = socket.socketpair()

    def serve() -> None:
        with server.wrap_socket(two, server_side=True) as served:
            served.recv(1)

    serving = threading.Thread(target=serve)
    serving.start()
    one.settimeout(10)
    try:
        with ephemeral_client().wrap_socket(one) as client:
            yield client
    finally:
        serving.join(10)


def test_a_server_is_known_by_the_fingerprint_of_its_certificate() -> None:
    server, fingerprint = ephemeral_server(datetime.now(UTC))
    with shaken_hands(server) as client:
        check_peer(client, fingerprint)
        assert client.version() == "TLSv1.3"


def test_a_server_with_another_key_is_refused_and_so_is_one_that_nobody_vouches_for() -> None:
    server, _ = ephemeral_server(datetime.now(UTC))
    _, other = ephemeral_server(datetime.now(UTC))
    with shaken_hands(server) as client:
        for wanted in (other, ""):
            with pytest.raises(HostError, match="in the place of the target host"):
                check_peer(client, wanted)
