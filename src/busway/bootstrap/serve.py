"""`busway serve`: the control plane in one process: the APIs and the loops."""

from __future__ import annotations

import dataclasses
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvicorn

from busway.api.app import build_app
from busway.bootstrap.admin import ensure_admin
from busway.bootstrap.config import Config
from busway.bootstrap.crashpoint import crashpoint_from_environment
from busway.control.context import Control
from busway.control.doorbell import doorbell_for
from busway.control.loops.run import running
from busway.domain.errors import InvalidConfig
from busway.store.database import Database
from busway.store.schema import upgrade

_log = structlog.get_logger("busway.serve")
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Served:
    """A running control plane: where it answers and where its admin's clouds.yaml lies."""

    url: str
    clouds: Path
    control: Control


def build_control(config: Config) -> Control:
    """Opens the database and makes the seams."""
    config.state.mkdir(parents=True, exist_ok=True)
    # Others may pass through, not look in: guests' disks lie below it, and libvirt runs QEMU as a user of its own.
    config.state.chmod(0o711)
    if config.policy.unused:
        _log.warning("rules of the policy file that Busway has no operation for", rules=list(config.policy.unused))
    db = Database(config.database)
    if brought := upgrade(db):
        _log.info("the database has a new schema", revision=brought[-1], by=list(brought))
    return Control(
        db=db,
        now=lambda: datetime.now(UTC),
        new_id=lambda: str(uuid.uuid4()),
        bell=doorbell_for(db),
        state=config.state,
        settings=config.settings,
        policy=config.policy,
        crashpoint=crashpoint_from_environment(),
    )


def serve(config: Config) -> None:
    """Serves until SIGINT or SIGTERM."""
    with _listening(config) as (listener, bound), _loops(bound) as control:
        clouds = ensure_admin(control)
        _log.info(
            "serving", url=bound.settings.public_url, clouds=str(clouds), database=control.db.url.render_as_string()
        )
        _server(control).run(sockets=[listener])


@contextmanager
def served(config: Config) -> Iterator[Served]:
    """A control plane in threads of this process, until the block ends."""
    with _listening(config) as (listener, bound), _loops(bound) as control:
        clouds = ensure_admin(control)
        server = _server(control)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api", daemon=True)
        thread.start()
        try:
            yield Served(bound.settings.public_url, clouds, control)
        finally:
            server.should_exit = True
            thread.join(STOP_SECONDS)


@contextmanager
def _listening(config: Config) -> Iterator[tuple[socket.socket, Config]]:
    """Takes the port before anything else, so that a second server on it changes nothing."""
    # The protocol is named so that asyncio sets TCP_NODELAY on the connections: without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((config.listen, config.port))
            listener.listen(1024)
        except OSError as error:
            raise InvalidConfig(
                f"Can't listen on {config.listen}:{config.port}",
                detail=str(error),
                remedy="Stop what holds the port (`ss -ltnp`), or choose another with --port or [busway] port.",
                code="port-in-use",
            ) from error
        yield listener, _with_port(config, listener.getsockname()[1])
    finally:
        listener.close()


def _with_port(config: Config, port: int) -> Config:
    url = config.settings.public_url
    if config.port == 0 and url.endswith(":0"):
        url = f"{url[:-2]}:{port}"
    return dataclasses.replace(config, port=port, settings=dataclasses.replace(config.settings, public_url=url))


@contextmanager
def _loops(config: Config) -> Iterator[Control]:
    control = build_control(config)
    try:
        with running(control):
            yield control
    finally:
        control.bell.close()
        control.db.close()


def _server(control: Control) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            build_app(control),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=60,
        )
    )
