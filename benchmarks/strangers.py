"""A valid user's request while 64 bad clients do their worst, beside the same request alone."""

from __future__ import annotations

import contextlib
import itertools
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tests.api.serving import ApiServer, start_api_server

from benchmarks.registry import Benchmark, Measurement

BAD_CLIENTS = 64
_SHORT = 1.0
_PAUSE = 0.05
_DEEP = b"[" * 50_000 + b"]" * 50_000


def _silent(server: ApiServer, stop: threading.Event) -> None:
    """Open a connection, say half a head and wait to be sent away."""
    url = urlsplit(server.url)
    while not stop.wait(_PAUSE):
        with contextlib.suppress(OSError), socket.create_connection((str(url.hostname), int(url.port or 0))) as made:
            made.sendall(b"GET /compute/v2.1/servers HTTP/1.1\r\nX-Drip: ")
            made.settimeout(_PAUSE)
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    if not made.recv(100):
                        break


def _nonsense(server: ApiServer, stop: threading.Event) -> None:
    """Send bodies that nest too deep, and tokens that are none."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while not stop.wait(_PAUSE):
            with contextlib.suppress(httpx.HTTPError):
                client.post("/identity/v3/auth/tokens", content=_DEEP)
                client.get("/compute/v2.1/servers", headers={"X-Auth-Token": "x"})


def _patterns(server: ApiServer, stop: threading.Event) -> None:
    """Ask for lists by patterns on which a backtracking engine would hang, with a token that is good."""
    with httpx.Client(base_url=server.url, headers={"X-Auth-Token": server.admin}, timeout=30) as client:
        while not stop.wait(_PAUSE):
            with contextlib.suppress(httpx.HTTPError):
                client.get("/compute/v2.1/servers", params={"name": "(a+)+$"})


_BAD: tuple[Callable[[ApiServer, threading.Event], None], ...] = (_silent, _silent, _nonsense, _patterns)


@contextlib.contextmanager
def _attacked(server: ApiServer) -> Iterator[None]:
    stop = threading.Event()
    kinds = itertools.islice(itertools.cycle(_BAD), BAD_CLIENTS)
    bad = [threading.Thread(target=kind, args=(server, stop), daemon=True) for kind in kinds]
    for each in bad:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in bad:
            each.join(30)


def _p99(server: ApiServer, seconds: float) -> float:
    """Return the 99th percentile of a valid user's requests, in milliseconds."""
    took: list[float] = []
    deadline = time.monotonic() + seconds
    with httpx.Client(base_url=server.url, headers={"X-Auth-Token": server.admin}, timeout=60) as client:
        while time.monotonic() < deadline or not took:
            began = time.perf_counter()
            client.get("/compute/v2.1/flavors").raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[int(len(took) * 0.99)]


def _measure(seconds: float) -> Measurement:
    half = max(seconds, _SHORT) / 2
    with tempfile.TemporaryDirectory() as folder:
        server = start_api_server(Path(folder))
        try:
            alone = _p99(server, half)
            with _attacked(server):
                attacked = _p99(server, half)
        finally:
            server.stop()
    return Measurement(attacked, "ms p99", alone, "the same alone")


STRANGERS = Benchmark("strangers", f"a valid user's request beside {BAD_CLIENTS} bad clients, on loopback", _measure)
