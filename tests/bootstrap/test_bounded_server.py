"""Slow, silent and many clients of the server that `busway serve` starts: each is ended alone, and the others go on."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs

from busway.bootstrap.bounded_protocol import HEAD_BYTES, BoundedProtocol
from busway.bootstrap.listener import BoundedListener

WAIT_SECONDS = 20


class Quick(BoundedProtocol):
    """The same with deadlines that a test can wait for."""

    head_seconds = 0.5
    rest_seconds = 0.5
    reader_seconds = 0.5


@dataclass
class Served:
    port: int
    listener: BoundedListener
    open: list[socket.socket] = field(default_factory=list)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS, source_address=(source, 0))
        self.open.append(made)
        return made

    def get(self, connection: socket.socket, path: str = "/") -> bytes:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"kk") and (piece := connection.recv(65536)):
            answer += piece
        return answer


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, without reading the body; /large with 64 MiB."""
    size = 64 * 1024**2 if scope["path"] == "/large" else 2
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"k" * size})


@contextlib.contextmanager
def serving(most: int = 100, most_of_address: int = 50) -> Iterator[Served]:
    listener = BoundedListener(socket.AF_INET, most, most_of_address)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(application, http=Quick, loop="asyncio", log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    _until(lambda: server.started)
    served = Served(listener.getsockname()[1], listener)
    try:
        yield served
    finally:
        for connection in served.open:
            connection.close()
        server.should_exit = True
        thread.join(WAIT_SECONDS)
        listener.close()


@pytest.fixture
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\nX-Drip: a"])
def test_a_client_that_does_not_finish_its_head_is_sent_away(server: Served, said: bytes) -> None:
    slow = server.connect()
    slow.sendall(said)

    answer = slow.recv(1000)

    assert answer.startswith(b"HTTP/1.1 408") and slow.recv(1000) == b""


def test_dripping_bytes_does_not_move_the_deadline(server: Served) -> None:
    slow = server.connect()
    slow.sendall(b"GET / HTTP/1.1\r\n")
    began = time.monotonic()

    with contextlib.suppress(ConnectionError):
        while time.monotonic() - began < WAIT_SECONDS:
            slow.sendall(b"X-Drip: a\r\n")
            time.sleep(0.05)

    assert time.monotonic() - began < WAIT_SECONDS / 2


def test_a_second_request_on_a_connection_has_the_same_deadline(server: Served) -> None:
    client = server.connect()
    assert server.get(client).startswith(b"HTTP/1.1 200")
    client.sendall(b"GET / HTT")

    assert client.recv(1000).startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_refused(server: Served) -> None:
    client = server.connect()

    with contextlib.suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * HEAD_BYTES * 8)
        assert client.recv(1000).startswith(b"HTTP/1.1 431")


def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for(server: Served) -> None:
    client = server.connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")

    assert client.recv(1000).startswith(b"HTTP/1.1 200")
    _until(lambda: _is_closed(client))


def test_a_reader_that_stops_is_let_go(server: Served) -> None:
    client = server.connect()
    client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")

    _until(lambda: server.listener.open == 0)


def test_connections_over_the_bound_of_an_address_are_closed_and_the_others_go_on() -> None:
    with serving(most_of_address=3) as server:
        established = [server.connect() for _ in range(3)]
        assert all(server.get(each).startswith(b"HTTP/1.1 200") for each in established)

        with capture_logs() as logged:
            refused = [server.connect() for _ in range(20)]
            assert all(_is_closed(each) for each in refused)

        assert all(server.get(each).startswith(b"HTTP/1.1 200") for each in established)
        assert server.get(server.connect("127.0.0.2")).startswith(b"HTTP/1.1 200")
        assert [each["event"] for each in logged] == ["connections over the bound are closed"]


def test_a_closed_connection_makes_room() -> None:
    with serving(most=2) as server:
        first, _ = server.connect(), server.connect()
        _until(lambda: server.listener.open == 2)
        first.close()

        _until(lambda: server.listener.open < 2)
        assert server.get(server.connect()).startswith(b"HTTP/1.1 200")


def test_being_out_of_files_is_logged_once_and_ends_nobody() -> None:
    with serving() as server:
        established = server.connect()
        assert server.get(established).startswith(b"HTTP/1.1 200")
        waiting = [socket.socket() for _ in range(10)]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(each.fileno() for each in waiting) + 1
        with capture_logs() as logged:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            try:
                for each in waiting:
                    each.settimeout(WAIT_SECONDS)
                    each.connect(("127.0.0.1", server.port))
                assert all(_is_closed(each) for each in waiting)
                assert server.get(established).startswith(b"HTTP/1.1 200")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in waiting:
            each.close()
        assert len([each for each in logged if "no files left" in each["event"]]) == 1


def test_a_client_is_served_beside_64_that_do_nothing(server: Served) -> None:
    with serving(most=200, most_of_address=100) as busy:
        slow = [busy.connect() for _ in range(64)]
        for each in slow:
            each.sendall(b"GET / HTTP/1.1\r\n")

        answer = httpx.get(f"http://127.0.0.1:{busy.port}/", timeout=WAIT_SECONDS)

        assert answer.status_code == 200


def _is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    return True


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
