"""`busway up`: a whole cloud on one machine: the control plane, and this machine's agent in a thread of it."""

from __future__ import annotations

import dataclasses
import secrets
import signal
import socket
import threading
import time
from pathlib import Path

import click
import structlog

from busway.agent.credential import Credential, write_credential
from busway.agent.wiring import AgentOptions, build_agent, serving_metrics
from busway.bootstrap.config import Config
from busway.bootstrap.crashpoint import crashpoint_from_environment
from busway.bootstrap.findings import examine
from busway.bootstrap.serve import Served, served
from busway.bootstrap.setup.first_use import next_steps, operator, set_up_once
from busway.control.hosts import joining
from busway.domain.caller import Caller
from busway.domain.errors import Unavailable
from busway.domain.ids import ProjectId, UserId
from busway.hypervisor.adapter import LibvirtHypervisor
from busway.hypervisor.seam import Hypervisor
from busway.pki.request import make_request
from busway.wire.join import JoinRequest

_log = structlog.get_logger("busway.up")
_SELF = Caller(UserId("busway"), "busway up", ProjectId(""), roles=frozenset({"admin"}), is_system=True)
STOP_SECONDS = 30
LIBVIRT_SECONDS = 5.0  # between two looks whether libvirt answers


def up(config: Config, options: AgentOptions) -> None:
    """Runs until SIGINT or SIGTERM; guests keep running when it ends, and the next start finds them."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    (config.state / "agent").mkdir(mode=0o711, parents=True, exist_ok=True)
    with served(config) as cloud:
        found = set_up_once(cloud.control, operator(cloud.control))
        _log.info("up", url=cloud.url, clouds=str(cloud.clouds), host=socket.gethostname())
        for line in next_steps(found, cloud.url, cloud.clouds) if found else ():
            click.echo(line)
        if not await_libvirt(LibvirtHypervisor(options.libvirt_uri), cloud.url, stop):
            return
        credential = _credential(cloud, config.state / "agent")
        agent = build_agent(
            dataclasses.replace(
                options,
                credential=credential,
                state=config.state / "agent",
                traces=options.traces or config.settings.traces_endpoint,
            ),
            crashpoint_from_environment(),
            examine,
        )
        thread = threading.Thread(target=agent.run, args=(stop,), name="agent", daemon=True)
        thread.start()
        with serving_metrics(agent, options):
            stop.wait()
        thread.join(STOP_SECONDS)


def await_libvirt(hypervisor: Hypervisor, url: str, stop: threading.Event) -> bool:
    """Waits until libvirt answers, and says once what is missing and what works without it; False if `stop` comes first."""
    is_reported = False
    while not stop.is_set():
        try:
            hypervisor.domains()
        except Unavailable as error:
            if not is_reported:
                click.echo(
                    f"This machine can't run servers yet: {error}\n"
                    "`busway doctor` says what else it lacks, such as an IOMMU. The agent starts as soon as libvirt answers.\n"
                    f"The API at {url} works: images, flavors, networks, projects, and hosts that you add; servers wait for a host."
                )
            is_reported = True
            stop.wait(LIBVIRT_SECONDS)
        else:
            return True
    return False


def _credential(cloud: Served, folder: Path) -> Path:
    """A new credential for this machine's agent at every start: it never leaves the machine."""
    token = joining.create_host(cloud.control, _SELF, socket.gethostname(), rotate=True)
    path = folder / "credential.json"
    secret, request = secrets.token_urlsafe(32), make_request(token.host)
    joined = joining.join(cloud.control, JoinRequest(token.secret, joining.token_hash(secret), request[1]))
    key = request[0] if joined.certificate else ""
    renew_at = time.time() + joined.renew_after
    ca = cloud.control.ca
    write_credential(path, Credential(cloud.here, joined.host, secret, ca, joined.certificate, key, renew_at))
    return path
