"""The stock OpenStack clients as a user runs them, on a cloud whose host is a lab host."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from busway.bootstrap.demo import find_clients
from busway.bootstrap.guest_shell import run_in_guest
from busway.bootstrap.lab_cloud import LabCloud
from busway.lab import LabHost

T = TypeVar("T")
BOOT_SECONDS = 300


class User:
    """Runs commands in a shell's place; `key` is the private key of key pair "test"."""

    def __init__(self, cloud: LabCloud, host: LabHost, key: Path) -> None:
        self.cloud = cloud
        self.host = host
        self.key = key
        self._clients = find_clients()
        self._token: str | None = None

    def run(self, *command: str, fails: bool = False) -> str:
        """Runs openstack or nova and answers what it printed; asserts that it went well, or that it failed."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        done = subprocess.run(
            [str(self._clients / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            env={**clean, **self.cloud.client_environment()},
            timeout=BOOT_SECONDS,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if fails else "")

    def busway(self, *command: str) -> str:
        words = [sys.executable, "-m", "busway", *command, "--clouds", str(self.cloud.clouds)]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout

    def statuses(self, prefix: str = "") -> dict[str, str]:
        """The status of each server by name, asked for in this process: a client of its own takes seconds to start."""
        servers = self._get("/compute/v2.1/servers/detail").json()["servers"]
        return {str(s["name"]): str(s["status"]) for s in servers if s["name"].startswith(prefix)}

    def status(self, server: str) -> str:
        return self.statuses().get(server, "gone")

    def _get(self, path: str) -> httpx.Response:
        if self._token is None:
            self._token = self.run("openstack", "token", "issue", "-f", "value", "-c", "id").strip()
        answer = httpx.get(f"{self.cloud.url}{path}", headers={"X-Auth-Token": self._token}, timeout=60)
        answer.raise_for_status()
        return answer

    def device_of(self, server: str) -> dict[str, object]:
        [found] = [d for d in self.devices() if server in (d["server_name"], d["server_id"])]
        return found

    def devices(self) -> list[dict[str, object]]:
        return self.cloud.busway_json("device", "list")

    def driver(self, address: object) -> str:
        """The host's driver of a device, read in the host; "" for none."""
        link = f"/sys/bus/pci/devices/{address}/driver"
        return self.host.exec(["readlink", link]).stdout.decode().strip().rpartition("/")[2]

    def look(self, server: str, type_: str) -> AbstractContextManager[ClientConnection]:
        """Opens the link to a console ("novnc", "serial") that the stock client prints."""
        words = ("openstack", "console", "url", "show", f"--{type_}", server, "-f", "value", "-c", "url")
        parts = urlsplit(self.run(*words).strip())
        [path] = parse_qs(parts.query)["path"]
        return connect(f"ws://{parts.netloc}/{path}", subprotocols=[Subprotocol("binary")], proxy=None, open_timeout=60)

    def console(self, server: str) -> str:
        """The guest's console once it says that it is ready."""

        def ready() -> str:
            said = self.run("openstack", "console", "log", "show", server)
            return said if "busway-guest ready" in said else ""

        return self.wait_for(f"guest {server} to be ready", ready)

    def lspci(self, server: str) -> list[str]:
        """The lines that the guest's own lspci printed on its console."""
        said = self.console(server).replace("\r", "")
        return said.partition("----- lspci -nn -----\n")[2].partition("----- end of lspci")[0].splitlines()

    def ssh(self, server: str, command: str, patience: float = 180, data: bytes = b"") -> str:
        """What a command that reads `data` printed in a guest; tries for `patience` seconds to get in."""
        addresses = self.run("openstack", "server", "show", server, "-f", "value", "-c", "addresses")
        found = re.search(r"\d+\.\d+\.\d+\.\d+", addresses)
        assert found is not None, addresses
        port = self.host.forward(found[0], 22)
        try:
            return run_in_guest(port, self.key, command, data, patience)
        finally:
            self.host.forward_remove(found[0], 22)

    def wait_for(self, what: str, condition: Callable[[], T], seconds: float = BOOT_SECONDS) -> T:
        """Waits for a level, with a deadline; a lab host that has died or hangs is told as that."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.host.check()
            assert time.monotonic() < deadline, (
                f"waited {seconds} s for {what}\n{self.cloud.agent_log(self.host)[-3000:]}"
            )
            time.sleep(0.5)
        return found
