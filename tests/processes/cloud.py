"""A cloud of real processes on this machine: the control plane, and agents on simulated hosts; each can be killed."""

import base64
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from busway.agent.join import join_host
from busway.wire.join import decode_token

SOURCE = str(Path(__file__).resolve().parents[2] / "src")
CONFIG = """\
[DEFAULT]
cpu_allocation_ratio = 16
[quota]
instances = -1
cores = -1
ram = -1
[pci]
alias = {"vendor_id": "10de", "product_id": "20b5", "name": "a1"}
device_spec = {"vendor_id": "10de", "product_id": "20b5"}
[busway]
lease_seconds = 15
[database]
connection = %s
"""
T = TypeVar("T")


class ProcessCloud:
    """Starts and kills processes by their ids; speaks the APIs as the admin."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.config = folder / "busway.conf"
        self.config.write_text(CONFIG % database_url)
        self.port, self.second_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self._token: str | None = None

    def start_control(self, crash_at: str = "", name: str = "control", port: int | None = None) -> None:
        """All control processes have one state folder, for the data of images is in it."""
        port = port or self.port
        command = ["serve", "--config", str(self.config), "--state", str(self.folder / "control"), "--port", str(port)]
        self._start(name, ["-m", "busway", *command, "--public-url", self.url], BUSWAY_CRASH_AT=crash_at)
        wait_for(f"{name} to answer", lambda: self._answers(name, port))

    def start_host(self, name: str, gpus: int = 1, crash_at: str = "", url: str = "", traces: str = "") -> None:
        credential = self.folder / f"{name}.json"
        if not credential.exists():
            made = self.call("POST", "/busway/v1/hosts", {"name": name})["join_token"]
            join_host(decode_token(made), credential, url=url or None)
        command = ["-m", "busway.testing.simulated_host", "--credential", str(credential), "--gpus", str(gpus)]
        command += ["--state", str(self.folder / f"host-{name}"), "--interval", "0.3"]
        command += ["--traces", traces]
        self._start(name, command + (["--crash-at", crash_at] if crash_at else []))

    def wait_for_host(self, name: str) -> None:
        wait_for(f"host {name} to report", lambda: any(h["name"] == name and h["up"] for h in self.hosts()))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(number)
            process.wait(20)

    def wait_dead(self, name: str) -> None:
        self.processes.pop(name).wait(60)

    def is_dead(self, name: str) -> bool:
        return self.processes[name].poll() is not None

    def down(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.http.close()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def token(self) -> str:
        if self._token is None:
            self._token = self._log_in()
        return self._token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body, headers=self.headers())
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self.token(), "OpenStack-API-Version": "compute 2.100"}

    def prepare(self) -> None:
        """An image, and a flavor that asks for one GPU."""
        image = self.call(
            "POST", "/image/v2/images", {"name": "new1", "disk_format": "raw", "container_format": "bare"}
        )
        self.upload(image["id"], b"\x00" * 512)
        self.image = image["id"]
        specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
        self.call("POST", "/compute/v2.1/flavors/2/os-extra_specs", specs)

    def upload(self, image_id: str, data: bytes) -> None:
        assert self._token is not None
        headers = {"X-Auth-Token": self._token, "Content-Type": "application/octet-stream"}
        answer = self.http.put(f"/image/v2/images/{image_id}/file", content=data, headers=headers)
        assert answer.status_code == 204, answer.text

    def create(self, name: str) -> str:
        made = self.call("POST", "/compute/v2.1/servers", self.wish(name))
        return str(made["server"]["id"])

    def wish(self, name: str) -> dict[str, Any]:
        server = {"name": name, "imageRef": self.image, "flavorRef": "2", "networks": "none"}
        server["user_data"] = base64.b64encode(b"#!/bin/sh\n").decode()
        return {"server": server}

    def servers(self) -> dict[str, dict[str, Any]]:
        return {s["id"]: s for s in self.call("GET", "/compute/v2.1/servers/detail")["servers"]}

    def status(self, server_id: str) -> str:
        found = self.servers().get(server_id)
        return "gone" if found is None else str(found["status"])

    def delete(self, server_id: str) -> None:
        self.call("DELETE", f"/compute/v2.1/servers/{server_id}")

    def act(self, server_id: str, **action: Any) -> None:
        self.call("POST", f"/compute/v2.1/servers/{server_id}/action", action)

    def host_of(self, server_id: str) -> str:
        return str(self.servers()[server_id]["OS-EXT-SRV-ATTR:host"])

    def hosts(self) -> list[dict[str, Any]]:
        return list(self.call("GET", "/busway/v1/hosts")["hosts"])

    def devices(self) -> list[dict[str, Any]]:
        return [d for d in self.call("GET", "/busway/v1/devices")["devices"] if d["status"] is not None]

    def device_statuses(self) -> list[str]:
        return sorted(str(device["status"]) for device in self.devices())

    def _log_in(self) -> str:
        entry = yaml.safe_load((self.folder / "control" / "clouds.yaml").read_text())["clouds"]["busway"]["auth"]
        user = {"name": "admin", "password": entry["password"], "domain": {"id": "default"}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self.http.post("/identity/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["x-subject-token"])

    def _start(self, name: str, command: list[str], **env: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": SOURCE, **env},
            )

    def _answers(self, name: str, port: int) -> bool:
        assert not self.is_dead(name), self.log(name)
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", timeout=5).status_code < 500
        except httpx.HTTPError:
            return False


def wait_for(what: str, condition: Callable[[], T], seconds: float = 100) -> T:
    """Waits for a level, with a deadline; answers what the condition answered."""
    deadline = time.monotonic() + seconds
    for pause in itertools.chain((0.05,) * 20, itertools.repeat(0.2)):
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(pause)
    raise AssertionError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
