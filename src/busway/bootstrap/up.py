"""`busway up`: a whole cloud on one machine: the control plane, and this machine's agent in a thread of it."""

from __future__ import annotations

import dataclasses
import json
import signal
import socket
import threading
from pathlib import Path

import structlog

from busway.agent.wiring import AgentOptions, build_agent
from busway.bootstrap.admin import write_secret
from busway.bootstrap.config import Config
from busway.bootstrap.crashpoint import crashpoint_from_environment
from busway.bootstrap.serve import Served, served
from busway.control.hosts import registry as hosts
from busway.domain.caller import Caller
from busway.domain.ids import ProjectId, UserId

_log = structlog.get_logger("busway.up")
_SELF = Caller(UserId("busway"), "busway up", ProjectId(""), roles=frozenset({"admin"}))
STOP_SECONDS = 30


def up(config: Config, options: AgentOptions) -> None:
    """Runs until SIGINT or SIGTERM; guests go on running when it ends, and are found again by the next start."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with served(config) as cloud:
        credential = _credential(cloud, config.state / "agent")
        agent = build_agent(
            dataclasses.replace(options, credential=credential, state=config.state / "agent"),
            crashpoint_from_environment(),
        )
        thread = threading.Thread(target=agent.run, args=(stop,), name="agent", daemon=True)
        thread.start()
        _log.info("up", url=cloud.url, clouds=str(cloud.clouds), host=socket.gethostname())
        stop.wait()
        thread.join(STOP_SECONDS)


def _credential(cloud: Served, folder: Path) -> Path:
    """A new credential for this machine's agent at every start: it never leaves the machine."""
    made = hosts.create_host(cloud.control, _SELF, socket.gethostname(), rotate=True)
    path = folder / "credential.json"
    write_secret(path, json.dumps(dataclasses.asdict(dataclasses.replace(made, url=cloud.url))))
    return path
