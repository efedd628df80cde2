"""A valid user's request while 64 bad clients do their worst, beside the same request alone."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx
from tests.api.serving import start_api_server

from benchmarks.registry import Benchmark, Measurement

BAD_CLIENTS = 64
_SHORT = 1.0
_PAUSE = 0.05
_END_SECONDS = 20
_READY = "ready"
_DEEP = b"[" * 50_000 + b"]" * 50_000


@dataclass(frozen=True, slots=True)
class Target:
    """Where the cloud is, a token of the valid user, and one of a tenant who does no good."""

    url: str
    user: str
    tenant: str


def _silent(server: Target, stop: threading.Event) -> None:
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


def _nonsense(server: Target, stop: threading.Event) -> None:
    """Send bodies that nest too deep, and tokens that are none."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while not stop.wait(_PAUSE):
            with contextlib.suppress(httpx.HTTPError):
                client.post("/identity/v3/auth/tokens", content=_DEEP)
                client.get("/compute/v2.1/servers", headers={"X-Auth-Token": "x"})


def _patterns(server: Target, stop: threading.Event) -> None:
    """Ask for lists by patterns on which a backtracking engine would hang, with a token that is good."""
    with httpx.Client(base_url=server.url, headers={"X-Auth-Token": server.tenant}, timeout=30) as client:
        while not stop.wait(_PAUSE):
            with contextlib.suppress(httpx.HTTPError):
                client.get("/compute/v2.1/servers", params={"name": "(a+)+$"})


_BAD: tuple[Callable[[Target, threading.Event], None], ...] = (_silent, _silent, _nonsense, _patterns)


@click.group()
def main() -> None:
    """The two sides of this benchmark, each a process of its own until its standard input ends."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def serve(folder: Path) -> None:
    """Serve, and print the URL and an admin's token."""
    server = start_api_server(folder)
    print(_READY, server.url, server.admin, server.user("tenant"), flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads the log
    sys.stdin.read()
    server.stop()


@main.command()
@click.argument("url")
@click.argument("user")
@click.argument("tenant")
def attack(url: str, user: str, tenant: str) -> None:
    """Be the bad clients."""
    stop = threading.Event()
    kinds = itertools.islice(itertools.cycle(_BAD), BAD_CLIENTS)
    bad = [threading.Thread(target=kind, args=(Target(url, user, tenant), stop), daemon=True) for kind in kinds]
    for each in bad:
        each.start()
    print(_READY, flush=True)
    sys.stdin.read()
    stop.set()


@contextlib.contextmanager
def _side(*words: str) -> Iterator[str]:
    """A process of this module, with what it says when it is ready."""
    command = [sys.executable, "-m", "benchmarks.strangers", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            lines = (line for line in process.stdout if line.startswith(_READY))  # the others are a log's
            yield next(lines).removeprefix(_READY).strip()
        finally:
            process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _p99(target: Target, seconds: float) -> float:
    """Return the 99th percentile of a valid user's requests, in milliseconds."""
    took: list[float] = []
    deadline = time.monotonic() + seconds
    with httpx.Client(base_url=target.url, headers={"X-Auth-Token": target.user}, timeout=60) as client:
        while time.monotonic() < deadline or not took:
            began = time.perf_counter()
            client.get("/compute/v2.1/flavors").raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[int(len(took) * 0.99)]


def _measure(seconds: float) -> Measurement:
    """Server, bad clients and user are processes of their own: in one they would wait for one interpreter."""
    half = max(seconds, _SHORT) / 2
    with tempfile.TemporaryDirectory() as folder, _side("serve", folder) as line:
        target = Target(*line.split())
        alone = _p99(target, half)
        with _side("attack", "--", target.url, target.user, target.tenant):
            attacked = _p99(target, half)
    return Measurement(attacked, "ms p99", alone, "the same alone")


STRANGERS = Benchmark("strangers", f"a valid user's request beside {BAD_CLIENTS} bad clients, on loopback", _measure)

if __name__ == "__main__":
    main()
