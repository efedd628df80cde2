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
from typing import Any

import structlog
import uvicorn

from busway import __version__
from busway.api.app import build_app
from busway.bootstrap.admin import ensure_admin
from busway.bootstrap.bounded_protocol import WEBSOCKETS, BoundedProtocol
from busway.bootstrap.certificate_protocol import CertificateProtocol
from busway.bootstrap.config import Config
from busway.bootstrap.config_transport import in_the_open, is_wildcard
from busway.bootstrap.crashpoint import crashpoint_from_environment
from busway.bootstrap.graceful_server import GracefulServer
from busway.bootstrap.listener import BoundedListener
from busway.bootstrap.state_folder import make_state_folder
from busway.bootstrap.tls import Tls, keep_fresh, prepare_tls
from busway.control.context import Control
from busway.control.doorbell import doorbell_for
from busway.control.loops.run import running
from busway.domain.errors import InvalidConfig
from busway.store.database import Database
from busway.store.images import count_by_store
from busway.store.schema import upgrade
from busway.tracing.otlp import make_tracer
from busway.web.routes import routes

_log = structlog.get_logger("busway.serve")
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Served:
    """A running control plane: where it answers and where its admin's clouds.yaml lies."""

    url: str
    clouds: Path
    control: Control
    here: str = ""  # the URL for this machine itself


def build_control(config: Config, tls: Tls | None = None) -> Control:
    """Opens the database and makes the seams."""
    make_state_folder(config)
    if config.policy.unused:
        _log.warning("rules of the policy file that Busway has no operation for", rules=list(config.policy.unused))
    db = Database(config.database)
    if applied := upgrade(db):
        _log.info("the database has a new schema", revision=applied[-1], by=list(applied))
    with db.read() as tx:
        strange = {
            name: count for name, count in count_by_store(tx).items() if name not in config.settings.image_stores.names
        }
    for name, count in strange.items():
        _log.warning(
            "images have copies in a store that is not configured: they are not read", store=name, images=count
        )
    return Control(
        db=db,
        now=lambda: datetime.now(UTC),
        new_id=lambda: str(uuid.uuid4()),
        bell=doorbell_for(db),
        state=config.state,
        settings=config.settings,
        policy=config.policy,
        crashpoint=crashpoint_from_environment(),
        authority=tls.authority if tls else None,
        ca=tls.ca if tls else "",
        northbound=config.northbound,
    )


def serve(config: Config) -> None:
    """Serves until SIGINT or SIGTERM."""
    with _listening(config) as (listener, bound), _loops(bound) as (control, tls):
        clouds = ensure_admin(control, tls.ca_file if tls else None)
        _log.info(
            "serving", url=bound.settings.public_url, clouds=str(clouds), database=control.db.url.render_as_string()
        )
        _server(control, tls).run(sockets=[listener])


@contextmanager
def served(config: Config) -> Iterator[Served]:
    """A control plane in threads of this process, until the block ends."""
    with _listening(config) as (listener, bound), _loops(bound) as (control, tls):
        clouds = ensure_admin(control, tls.ca_file if tls else None)
        server = _server(control, tls)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api", daemon=True)
        thread.start()
        try:
            yield Served(bound.settings.public_url, clouds, control, _here(bound, tls))
        finally:
            server.should_exit = True
            thread.join(STOP_SECONDS)


def _here(config: Config, tls: Tls | None) -> str:
    """Where this machine reaches its own control plane; a certificate of the operator's may name the public URL only."""
    if tls is not None and not tls.own:
        return config.settings.public_url
    host = "127.0.0.1" if is_wildcard(config.listen) else config.listen
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{config.port}"


@contextmanager
def _listening(config: Config) -> Iterator[tuple[socket.socket, Config]]:
    """Takes the port before anything else, so that a second server on it changes nothing."""
    family = socket.AF_INET6 if ":" in config.listen else socket.AF_INET
    listener = BoundedListener(family, config.max_connections, config.max_connections_per_address)
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
def _loops(config: Config) -> Iterator[tuple[Control, Tls | None]]:
    make_state_folder(config)
    if danger := in_the_open(config.listen, tls=config.tls):
        remedy = "Leave out --plain-http (plain_http), or keep everybody but a TLS proxy away from this port."
        _log.warning(danger, listen=config.listen, remedy=remedy)
    tls = prepare_tls(config, datetime.now(UTC))
    tracer = make_tracer(config.settings.traces_endpoint, "busway", __version__)
    control = dataclasses.replace(build_control(config, tls), tracer=tracer)
    control.hearing.beat(control.now())  # before any loop takes a silent host for one that is down
    try:
        with running(control), _renewing(tls, control):
            yield control, tls
    finally:
        tracer.close()
        control.bell.close()
        control.db.close()


@contextmanager
def _renewing(tls: Tls | None, control: Control) -> Iterator[None]:
    """Keeps the certificate fresh: a matter of this process and its files, so no loop over what the database holds."""
    stop = threading.Event()
    thread = threading.Thread(target=keep_fresh, args=(tls, control.now, stop), name="tls", daemon=True)
    if tls is not None:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if tls is not None:
            thread.join(STOP_SECONDS)


def _server(control: Control, tls: Tls | None) -> uvicorn.Server:
    with_tls: dict[str, Any] = {"ssl_context_factory": lambda _config, _default: tls.context} if tls else {}
    shows = tls is not None and control.settings.agent_certificates
    app = build_app(control, routes)
    return GracefulServer(
        app,
        uvicorn.Config(
            app,
            loop="asyncio",  # uvloop takes connections past the listener's bounds
            http=CertificateProtocol if shows else BoundedProtocol,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=60,
            **WEBSOCKETS,
            **with_tls,
        ),
    )
