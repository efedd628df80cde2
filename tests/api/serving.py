"""The real application over real HTTP on loopback, and a small client for it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from busway.api.app import build_app
from busway.bootstrap.bounded_protocol import WEBSOCKETS, BoundedProtocol
from busway.bootstrap.graceful_server import GracefulServer
from busway.bootstrap.listener import BoundedListener
from busway.control.context import Control
from busway.control.doorbell import LocalDoorbell
from busway.control.flavors import bootstrap_flavors
from busway.control.hosts import joining
from busway.control.hosts import registry as hosts
from busway.control.identity.bearer import authenticate
from busway.control.identity.directory import bootstrap_admin
from busway.control.identity.proof import Credentials
from busway.control.identity.tokens import Scope, issue_token
from busway.control.networks import bootstrap_network
from busway.metrics.control import FAMILIES
from busway.metrics.meters import Meters
from busway.ovn.northbound import Northbound
from busway.store.database import Database
from busway.web.routes import routes
from busway.wire.join import JoinRequest
from tests.api.answers import check_answer
from tests.control.clouds import Host, file_settings, gpus
from tests.databases import add_tables

# For clients of plain HTTP: httpx reads all authorities of the system for each client, which takes longer than most requests.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PASSWORD = "correct horse 'battery' staple"
START_SECONDS = 10


@dataclass
class Clock:
    """A clock that tests can turn forward or stop; the one that says how old a reading of the metrics is can be turned alone."""

    ahead: timedelta = field(default_factory=timedelta)
    stopped: datetime | None = None
    readings_ahead: float = 0.0

    def __call__(self) -> datetime:
        return (self.stopped or datetime.now(UTC)) + self.ahead

    def of_readings(self) -> float:
        return time.monotonic() + self.readings_ahead


class _PromptServer(GracefulServer):
    """The server as it is served, but it stops when it is told to: uvicorn's own looks every 0.1 s whether it should."""

    def end(self) -> None:
        """Ends the server's loop, from any thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._ended.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Makes what `end` sets, then starts as usual."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Ticks as uvicorn's does, and ends with `end`."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 0.1)


@dataclass
class ApiServer:
    """A running control plane."""

    url: str
    control: Control
    clock: Clock
    server: _PromptServer
    thread: threading.Thread
    socket: socket.socket
    sequences: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    admin: str = ""
    clients: list[httpx.Client] = field(default_factory=list)

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.server.end()
        self.thread.join(START_SECONDS)
        self.socket.close()
        self.control.db.close()

    def token(self, user: str = "admin", password: str = PASSWORD, project: str | None = "admin") -> str:
        return self.authenticate(user, password, project).headers["x-subject-token"]

    def authenticate(self, user: str, password: str, project: str | None) -> httpx.Response:
        domain = {"id": "default"}
        auth: dict[str, Any] = {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "password": password, "domain": domain}},
            }
        }
        if project is not None:
            auth["scope"] = {"project": {"name": project, "domain": domain}}
        path = f"{self.url}/identity/v3/auth/tokens"
        return httpx.post(path, json={"auth": auth}, timeout=30, verify=_NO_AUTHORITIES)

    def client(self, token: str | None = None, version: str = "2.1") -> httpx.Client:
        """A client with a token of the admin, or with the given one."""
        headers = {"X-Auth-Token": token or self.admin, "OpenStack-API-Version": f"compute {version}"}
        client = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=30,
            verify=_NO_AUTHORITIES,
            event_hooks={"response": [check_answer]},
        )
        self.clients.append(client)
        return client

    def user(self, name: str, role: str = "member") -> str:
        """A token of a new user in a new project of the same name."""
        with self.client() as admin:
            project = admin.post("/identity/v3/projects", json={"project": {"name": name}}).json()["project"]["id"]
            body = {"user": {"name": name, "password": "pw"}}
            user = admin.post("/identity/v3/users", json=body).json()["user"]["id"]
            roles = admin.get("/identity/v3/roles", params={"name": role}).json()["roles"]
            admin.put(f"/identity/v3/projects/{project}/users/{user}/roles/{roles[0]['id']}").raise_for_status()
        return self.token(name, "pw", name)

    def image(self, name: str = "new1", **fields: Any) -> str:
        """The id of a new active image of a few bytes, public unless said otherwise."""
        with self.client() as admin:
            body = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public", **fields}
            image = admin.post("/image/v2/images", json=body).json()["id"]
            admin.put(f"/image/v2/images/{image}/file", content=b"data of " + name.encode()).raise_for_status()
        return str(image)

    def host(self, name: str = "host1", count: int = 1) -> Host:
        """A host with GPUs whose agent is the test."""
        control, admin = self.control, authenticate(self.control, self.admin)
        joining.create_host(control, admin, name)
        host_id = next(host.id for host in hosts.list_hosts(control, admin) if host.name == name)
        host = Host(self, host_id, name, gpus(count))  # type: ignore[arg-type]
        host.report()
        return host


def as_agent(api_server: ApiServer, name: str, *, rotate: bool = False) -> dict[str, str]:
    """The headers of host NAME's agent, which joins."""
    control = api_server.control
    invited = joining.create_host(control, authenticate(control, api_server.admin), name, rotate=rotate)
    token = f"token of {name}"
    joining.join(control, JoinRequest(invited.secret, joining.token_hash(token)))
    return {"Authorization": f"Bearer {token}"}


def start_api_server(
    folder: Path,
    template: Path | None = None,
    database: Database | None = None,
    *,
    connections: tuple[int, int] = (1000, 500),
    northbound: Northbound | None = None,
    **settings: Any,
) -> ApiServer:
    """Starts the application in a thread, with all state in `folder`; with SQLite there unless a database is given.

    `template` is a database that `make_template` made: with it a start takes milliseconds, for nothing is hashed.
    """
    if template is not None:
        shutil.copy(template, folder / "busway.db")
    listener = BoundedListener(socket.AF_INET, *connections)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clock = Clock()
    control = replace(_control(folder, clock, url, settings, database), northbound=northbound)
    if template is None:
        _bootstrap(control, tables=database is None)
    app = build_app(control, routes)
    server = _PromptServer(
        app,
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            loop="asyncio",
            log_level="warning",
            timeout_graceful_shutdown=1,
            **WEBSOCKETS,
        ),
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the API did not start"
        time.sleep(0.01)
    api = ApiServer(url, control, clock, server, thread, listener)
    api.admin = (template.with_suffix(".token").read_text()) if template else api.token()
    return api


def make_template(folder: Path) -> Path:
    """A database with the admin, a token of theirs beside it, the default flavors and the network."""
    folder.mkdir(parents=True, exist_ok=True)
    control = _control(folder, Clock(), "http://127.0.0.1:1", {})
    _bootstrap(control)
    secret, _ = issue_token(control, Credentials(("password",), "admin", PASSWORD), Scope(project_name="admin"))
    control.db.close()
    path = folder / "busway.db"
    path.with_suffix(".token").write_text(secret)
    return path


def paper_control(folder: Path) -> Control:
    """A control plane that serves nothing."""
    control = _control(folder, Clock(), "http://busway.example", {})
    control.db.close()
    return control


def _control(
    folder: Path, clock: Clock, url: str, settings: dict[str, Any], database: Database | None = None
) -> Control:
    return Control(
        db=database or Database(f"sqlite:///{folder}/busway.db"),
        now=clock,
        new_id=lambda: str(uuid.uuid4()),
        bell=LocalDoorbell(),
        state=folder,
        settings=file_settings(public_url=url, **settings),
        meters=Meters(FAMILIES, clock.of_readings),
    )


def _bootstrap(control: Control, *, tables: bool = True) -> None:
    if tables:
        add_tables(control.db)
    bootstrap_network(control, bootstrap_admin(control, PASSWORD).id)
    bootstrap_flavors(control)
