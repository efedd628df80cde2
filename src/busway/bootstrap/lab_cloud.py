"""A cloud whose hosts are lab hosts: the control plane on this machine, an agent in each emulated GPU host.

It is what `busway demo` shows and what the lab's tests drive. Control plane and agents are separate processes, started
from their command lines as an operator would, so that each can be killed and started again.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

import busway
from busway.control.durable import write_secret
from busway.domain.errors import Unavailable
from busway.lab import Lab, LabHost, Pid, Report

CONFIG = """\
[pci]
alias = {"vendor_id": "1234", "product_id": "1111", "name": "a1"}
alias = {"vendor_id": "1002", "product_id": "5159", "name": "card"}
alias = {"vendor_id": "1b36", "product_id": "0010", "device_type": "type-VF", "name": "vf"}
device_spec = {"vendor_id": "1234", "product_id": "1111"}
device_spec = {"vendor_id": "1002", "product_id": "5159", "without_reset": "true"}
device_spec = {"vendor_id": "1b36", "product_id": "0010", "device_type": "type-VF"}

[busway]
network_driver = bridge
network_cidr = 10.0.2.0/24
network_first = 10.0.2.100
network_last = 10.0.2.199
network_gateway = 10.0.2.2
network_dhcp = false
"""
OUTSIDE = "10.0.2.2"  # what a lab host's network calls the machine that the lab runs on
START_SECONDS = 60
HOST_SECONDS = 180


class LabCloud:
    """One control plane process and the lab's agents; every start and kill is by process id."""

    def __init__(self, state: Path, lab: Lab, config: str = CONFIG, database: str | None = None) -> None:
        self.state = state.absolute()
        self.lab = lab
        self.clouds = self.state / "control" / "clouds.yaml"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._control: subprocess.Popen[bytes] | None = None
        self._agents: dict[str, Pid] = {}
        self.state.mkdir(parents=True, exist_ok=True)
        text = config + (f"\n[database]\nconnection = {database}\n" if database else "")
        write_secret(self.state / "busway.conf", text)

    def up(self, gpus: int = 4, hosts: int = 1, report: Report | None = None) -> list[LabHost]:
        """Brings up lab, control plane and agents, and waits until each host has reported."""
        report = report or Report()
        made = self.lab.up(gpus=gpus, hosts=hosts, report=report)
        with report.step("Start the control plane"):
            self.start_control()
        with report.step("Start the agents and wait for their inventories"):
            for host in made:
                self.start_agent(host)
            for host in made:
                self.wait_for_host(host.name)
        return made

    def down(self) -> None:
        """Ends the control plane and the lab."""
        self.kill_control(signal.SIGTERM)
        self.lab.down()

    def start_control(self) -> None:
        """Starts the control plane, and waits until it answers."""
        command = [*_busway(), "serve", "--config", str(self.state / "busway.conf")]
        command += ["--state", str(self.state / "control"), "--port", str(self.port)]
        with (self.state / "control.log").open("ab") as log:
            self._control = subprocess.Popen(command, stdout=log, stderr=log, env=process_environment())
        self._wait_for_control()

    @property
    def control_pid(self) -> int | None:
        """The process id of the control plane, None while it does not run."""
        return self._control.pid if self._control else None

    def kill_control(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the control plane's process."""
        if self._control is not None:
            self._control.send_signal(number)
            self.wait_control_dead()

    def wait_control_dead(self) -> None:
        """Waits until the control plane's process has ended, for whatever reason."""
        if self._control is not None:
            self._control.wait(60)
            self._control = None

    def start_agent(self, host: LabHost, env: Mapping[str, str] | None = None, *, options: Sequence[str] = ()) -> None:
        """Starts a lab host's agent, the first time with a credential made for it."""
        credential = f"/var/lib/busway/{host.name}.json"
        if host.name not in self._agents:
            host.write(credential, self._credential(host.name), mode=0o600)
            host.refresh()  # the first time only: it makes the host read all of Python again
        command = [*_busway(), "agent", "--credential", credential, "--bridge", "br0", "--rom-bar", "off"]
        command += options
        self._agents[host.name] = host.spawn(
            command, f"agent-{host.name}.log", env=dict(process_environment(env, bare=True))
        )

    def kill_agent(self, host: LabHost) -> None:
        """Ends a lab host's agent."""
        host.kill(self._agents[host.name], signal.SIGKILL)

    def agent_alive(self, host: LabHost) -> bool:
        """Whether the agent that was started last still runs."""
        return host.exec(["kill", "-0", str(self._agents[host.name].number)]).returncode == 0

    def agent_log(self, host: LabHost) -> str:
        """All that a lab host's agents have logged."""
        path = host.share / "log" / f"agent-{host.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_host(self, name: str) -> None:
        """Waits until a host's agent has reported."""
        deadline = time.monotonic() + HOST_SECONDS
        while time.monotonic() < deadline:
            if any(host["name"] == name and host["up"] for host in self.busway_json("host", "list")):
                return
            self.lab.host(name).check()
            time.sleep(0.5)
        raise Unavailable(f"The agent of {name} did not report within {HOST_SECONDS:.0f} s", code="lab-agent-silent")

    def busway_json(self, *words: str) -> list[dict[str, object]]:
        """Runs a `busway` command with --json and reads what it prints."""
        done = subprocess.run(
            [*_busway(), *words, "--clouds", str(self.clouds), "--json"],
            capture_output=True,
            env=process_environment(),
            timeout=60,
            check=True,
        )
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    def client_environment(self) -> dict[str, str]:
        """The variables with which OpenStack's clients find the cloud as its admin."""
        lines = self.clouds.with_name("openrc").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def _credential(self, name: str) -> bytes:
        path = self.state / f"{name}.json"
        command = [*_busway(), "host", "create", name, "--rotate", "--output", str(path)]
        command += ["--url", f"http://{OUTSIDE}:{self.port}", "--clouds", str(self.clouds)]
        subprocess.run(command, check=True, capture_output=True, env=process_environment(), timeout=60)
        return path.read_bytes()

    def _wait_for_control(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._control is not None and self._control.poll() is not None:
                break
            try:
                if self.clouds.exists() and httpx.get(self.url, timeout=5).status_code < 500:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        log = (self.state / "control.log").read_text(errors="replace").splitlines()
        raise Unavailable("The control plane does not answer", detail="; ".join(log[-5:]), code="lab-control-silent")


def _busway() -> list[str]:
    return [sys.executable, "-m", "busway"]


def process_environment(extra: Mapping[str, str] | None = None, *, bare: bool = False) -> dict[str, str]:
    """The environment of a process of ours; a lab host has its own, so a bare one brings only what Python needs."""
    source = str(Path(busway.__file__).resolve().parents[1])
    base = {} if bare else dict(os.environ)
    return {**base, "PYTHONPATH": source, "PYTHONUNBUFFERED": "1", **(extra or {})}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
