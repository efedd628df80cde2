"""What users' requests cost among few servers and many: tokens, pages, a show and a create, beside a bare answer."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.api.many import FLAVOR, fill, server_id
from tests.api.serving import PASSWORD, ApiServer, start_api_server

from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement
from busway.control.identity.bearer import authenticate

SCALES, FEW, LONG_SCALES = (100, 10_000), (20, 200), (100, 10_000, 100_000)
_SHORT, _LONG = 1.0, 60.0
_NAMES = itertools.count()
_DOMAIN = {"id": "default"}


@dataclass(frozen=True, slots=True)
class Times:
    """How long requests of one kind took, in seconds."""

    took: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.took)

    def __str__(self) -> str:
        p99 = sorted(self.took)[int(len(self.took) * 0.99)]
        return f"p50 {self.p50 * 1e3:6.1f} ms  p99 {p99 * 1e3:6.1f} ms  {len(self.took) / sum(self.took):7,.0f}/s"


def _times(seconds: float, ask: Callable[[], httpx.Response]) -> Times:
    """Ask one after the other for some seconds, and at least five times."""
    ask().raise_for_status()
    took: list[float] = []
    while sum(took) < seconds or len(took) < 5:
        began = time.perf_counter()
        answer = ask()
        took.append(time.perf_counter() - began)
        answer.raise_for_status()
    return Times(tuple(took))


@contextmanager
def _cloud(count: int) -> Iterator[tuple[ApiServer, str]]:
    """Serve a cloud of that many servers, of which half are the admin's; with the id of an image."""
    with disk_folder() as folder:
        server = start_api_server(Path(folder))
        try:
            admin = authenticate(server.control, server.admin)
            fill(server.control.db, count, admin.project_id, admin.user_id)
            with server.client() as client:
                body = {"id": FLAVOR.id, "name": "g1", "ram": 256, "vcpus": 1, "disk": 0}
                client.post("/compute/v2.1/flavors", json={"flavor": body}).raise_for_status()
                quota = f"/network/v2.0/quotas/{admin.project_id}"
                client.put(quota, json={"quota": {"port": -1}}).raise_for_status()
            yield server, server.image()
        finally:
            server.stop()


def _kinds(client: httpx.Client, image: str, count: int) -> dict[str, Callable[[], httpx.Response]]:
    root = "/compute/v2.1/servers"
    user = {"name": "admin", "password": PASSWORD, "domain": _DOMAIN}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": _DOMAIN}}

    def create() -> httpx.Response:
        new = {"name": f"new{next(_NAMES)}", "imageRef": image, "flavorRef": FLAVOR.id, "networks": "auto"}
        return client.post(root, json={"server": new})

    return {
        "bare answer": lambda: client.get("/compute"),
        "token": lambda: client.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}),
        "page of 10": lambda: client.get(f"{root}/detail?limit=10"),
        "page of 1,000": lambda: client.get(f"{root}/detail?limit=1000"),
        "show": lambda: client.get(f"{root}/{server_id(count // 2 // 2 * 2)}"),
        "create": create,
    }


def _at_scale(count: int, seconds: float) -> dict[str, Times]:
    with _cloud(count) as (server, image), server.client(version="2.90") as client:
        return {name: _times(seconds, ask) for name, ask in _kinds(client, image, count).items()}


def _measure(seconds: float) -> Measurement:
    scales = FEW if seconds < _SHORT else LONG_SCALES if seconds >= _LONG else SCALES
    part = seconds / 6 / len(scales)
    found = {count: _at_scale(count, part) for count in scales}
    lines = [
        f"{count:>7,} servers  {name:<14}{times}" for count, kinds in found.items() for name, times in kinds.items()
    ]
    first, last = found[scales[0]], found[scales[-1]]
    growth = last["page of 10"].p50 / first["page of 10"].p50
    lines.append(f"a page of 10 among {scales[-1]:,} takes {growth:.1f} times as long as among {scales[0]:,}")
    return Measurement(
        last["page of 10"].p50 * 1e6,
        "us",
        last["bare answer"].p50 * 1e6,
        "a bare answer of the same stack",
        tuple(lines),
    )


FACE = Benchmark("face", "a page of 10 servers among many, told in full; SQLite, one client", _measure)
