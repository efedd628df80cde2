"""Many control processes on one PostgreSQL, many hosts, many users, and someone who kills what runs."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.processes.cloud import CONFIG, ProcessCloud, free_port, wait_for

MORE_CONFIG = "[busway]\nlease_seconds = 60\n"  # a busy machine must not make hosts look down
SETTLE_SECONDS = 120
USERS = 8


@dataclass(frozen=True)
class Size:
    """How much of it: processes, devices per host, requests, and seconds between kills."""

    controls: int
    hosts: int
    gpus: int
    requests: int
    kill_every: float


@dataclass
class Outcome:
    """What the users were told."""

    accepted: list[str] = field(default_factory=list)
    unanswered: int = 0  # the control process died before it answered: the server may be there or not
    seen: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    seconds: float = 0.0


class LoadCloud(ProcessCloud):
    """Control processes c0, c1, …, each with a port of its own; the agents are spread over them."""

    def __init__(self, folder: Path, database_url: str, size: Size) -> None:
        super().__init__(folder, database_url)
        self.size = size
        self.config.write_text(CONFIG % database_url + MORE_CONFIG)
        self.ports = [self.port, *(free_port() for _ in range(size.controls - 1))]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]

    def start(self) -> None:
        self.start_one(0)
        self.prepare()
        for number in range(1, self.size.controls):
            self.start_one(number)
        for number in range(self.size.hosts):
            self.start_host(f"h{number}", self.size.gpus, url=self.urls[number % len(self.urls)])
        wait_for("all hosts to report", lambda: sum(host["up"] for host in self.hosts()) == self.size.hosts)

    def start_one(self, number: int) -> None:
        self.start_control(name=f"c{number}", port=self.ports[number])

    def run(self) -> Outcome:
        """Lets users ask for all that they want, and kills control processes and agents meanwhile."""
        outcome, done = Outcome(), threading.Event()
        began = time.monotonic()
        names = [f"s{number}" for number in range(self.size.requests)]
        killer = threading.Thread(target=self._kill, args=(outcome, done))
        killer.start()
        try:
            with ThreadPoolExecutor(USERS) as pool:
                shares = [names[user::USERS] for user in range(USERS)]
                for user in [pool.submit(_User(self, outcome, seed).run, share) for seed, share in enumerate(shares)]:
                    user.result()
        finally:
            done.set()
            killer.join()
        outcome.seconds = time.monotonic() - began
        return outcome

    def settle(self) -> None:
        """Deletes what is left, and waits until nothing is."""
        wait_for("all servers to settle", lambda: not self._delete_settled(), SETTLE_SECONDS)
        states = ["available"] * self.size.hosts * self.size.gpus
        wait_for("all devices to be free", lambda: self.device_statuses() == states, SETTLE_SECONDS)

    def _delete_settled(self) -> dict[str, dict[str, Any]]:
        servers = self.servers()
        for server_id, server in servers.items():
            if server["status"] != "BUILD" and server["OS-EXT-STS:task_state"] is None:
                self.delete(server_id)
        return servers

    def _kill(self, outcome: Outcome, done: threading.Event) -> None:
        chance = random.Random(1)
        for number in itertools.count():
            if done.wait(self.size.kill_every):
                return
            if number % 3 == 2:
                host = chance.randrange(self.size.hosts)
                self.kill(f"h{host}")
                self.start_host(f"h{host}", self.size.gpus)
            else:
                control = chance.randrange(self.size.controls)
                self.kill(f"c{control}")
                self.start_one(control)
            outcome.kills += 1


class _User:
    """Asks for one server after the other, at any control process that answers, and deletes each again.

    Every other one only after it was seen to run, or to be refused; the others at once, whatever becomes of them.
    """

    def __init__(self, cloud: LoadCloud, outcome: Outcome, seed: int) -> None:
        self._cloud = cloud
        self._outcome = outcome
        self._chance = random.Random(seed)
        self._http = httpx.Client(timeout=30)

    def run(self, names: list[str]) -> None:
        with self._http:
            for name in names:
                server_id = self._create(name)
                if server_id is None:
                    continue
                self._outcome.accepted.append(server_id)
                if self._chance.random() < 0.5:
                    status = wait_for(f"{name} to be decided", partial(self._decided, server_id))
                    self._outcome.seen[status] += 1
                self._delete(server_id)

    def _create(self, name: str) -> str | None:
        try:
            answer = self._ask("POST", "/compute/v2.1/servers", self._cloud.wish(name))
        except httpx.ConnectError:  # it was never sent
            return self._create(name)
        except httpx.HTTPError:
            self._outcome.unanswered += 1
            return None
        assert answer.status_code == 202, answer.text
        return str(answer.json()["server"]["id"])

    def _decided(self, server_id: str) -> str:
        with contextlib.suppress(httpx.HTTPError):
            answer = self._ask("GET", f"/compute/v2.1/servers/{server_id}")
            assert answer.status_code == 200, f"an accepted server is lost: {answer.text}"
            status = str(answer.json()["server"]["status"])
            return "" if status == "BUILD" else status
        return ""

    def _delete(self, server_id: str) -> None:
        def deleted() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return self._ask("DELETE", f"/compute/v2.1/servers/{server_id}").status_code in (204, 404)
            return False

        wait_for(f"{server_id} to be deleted", deleted)

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        url = self._chance.choice(self._cloud.urls)
        return self._http.request(method, url + path, json=body, headers=self._cloud.headers())


def traces(folder: Path) -> list[str]:
    """What agents and hypervisors still hold on any host."""
    found = [str(path) for path in folder.glob("host-*/agent/held/*.json")]
    found += [str(path) for path in folder.glob("host-*/agent/servers/*")]
    for path in folder.glob("host-*/machine/fake/domains.json"):
        found += list(json.loads(path.read_text()))
    return found
