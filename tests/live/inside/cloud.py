"""A cloud in a network namespace of its own: the control plane, and hosts that have each a namespace, a libvirt and an agent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from busway.agent.join import join_host
from busway.wire.join import decode_token
from tests.processes.cloud import ProcessCloud, wait_for

HUB = "10.9.0.1"


class LiveCloud(ProcessCloud):
    """Its hosts run real guests, emulated by QEMU."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, f"sqlite:///{folder / 'busway.db'}")
        self.config.write_text(self.config.read_text().replace("lease_seconds = 15", "lease_seconds = 120"))
        self.url = f"http://{HUB}:{self.port}"
        self.http.base_url = self.url
        self._ip("link set lo up")
        self._ip("link add hub0 type bridge forward_delay 0")
        self._ip("link set hub0 up")
        self._ip(f"address add {HUB}/24 dev hub0")
        self.numbers: dict[str, int] = {}

    def start_control(self, crash_at: str = "", name: str = "control", port: int | None = None) -> None:
        command = ["serve", "--config", str(self.config), "--state", str(self.folder / "control"), "--plain-http"]
        command += ["--listen", HUB, "--port", str(self.port), "--public-url", self.url]
        self._start(name, ["-m", "busway", *command], BUSWAY_CRASH_AT=crash_at)
        wait_for("the control plane to answer", lambda: self._answers(name, self.port))

    def _answers(self, name: str, port: int) -> bool:
        assert not self.is_dead(name), self.log(name)
        try:
            return httpx.get(f"{self.url}/", timeout=5).status_code < 500
        except httpx.HTTPError:
            return False

    def add_host(self, name: str, *, cpu_cgroup: bool = False) -> None:
        """A host with libvirt, joined to the hub; its agent is started by `start_agent`."""
        number = self.numbers[name] = len(self.numbers) + 1
        folder = self.folder_of(name)
        folder.mkdir()
        script = Path(__file__).with_name("host.sh")
        command = [
            "unshare",
            "--mount",
            "--net",
            "sh",
            str(script),
            str(folder),
            f"{number:08d}-1111-4111-8111-111111111111",
            "cpu" if cpu_cgroup else "",
        ]
        with (folder / "host.log").open("wb") as log:
            self.processes[f"host {name}"] = process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(f"host {name}", (folder / "ready").exists)
        self._ip(f"link add v{number} type veth peer name eth0")
        self._ip(f"link set v{number} master hub0 up")
        self._ip(f"link set eth0 netns {process.pid}")
        for words in ("link set eth0 master br0 up", f"address add {self.address(name)}/24 dev br0"):
            self.inside(name, "ip", *words.split())
        wait_for(f"libvirt of {name}", lambda: self.virsh(name, "version").returncode == 0)

    def folder_of(self, name: str) -> Path:
        return self.folder / name

    def address(self, name: str) -> str:
        return f"10.9.0.{10 + self.numbers[name]}"

    def start_agent(self, name: str, crash_at: str = "", *options: str) -> None:
        credential = self.folder / f"{name}.json"
        if not credential.exists():
            made = self.call("POST", "/busway/v1/hosts", {"name": name})["join_token"]
            join_host(decode_token(made), credential, url=self.url)
        command = [
            "-m",
            "busway",
            "agent",
            "--credential",
            str(credential),
            "--state",
            str(self.folder_of(name) / "state"),
        ]
        command += ["--bridge", "br0", "--virt-type", "qemu", "--interval", "0.5", *options]
        enter = ["nsenter", "-t", str(self.processes[f"host {name}"].pid), "-m", "-n"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src"), "BUSWAY_CRASH_AT": crash_at}
        with (self.folder / f"agent-{name}.log").open("ab") as log:
            command = [*enter, sys.executable, *command]
            self.processes[f"agent {name}"] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def agent_log(self, name: str) -> str:
        return (self.folder / f"agent-{name}.log").read_text(errors="replace")

    def inside(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "-t", str(self.processes[f"host {name}"].pid), "-m", "-n"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=60)

    def virsh(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.inside(name, "virsh", "-c", "qemu:///system", *words)

    def look_into(self, host: str, server_id: str) -> str:
        """What QEMU tells of a guest that is not as it must be: its state, its CPU, its clock and its disk."""
        name = f"busway-{server_id[:8]}"
        found = [self.virsh(host, "domstate", name, "--reason").stdout.strip()]
        for question in (
            "info status",
            "info registers",
            "x/12i $eip",
            "xp/2wx 0x46c",
            "info blockstats",
            "info block-jobs",
        ):
            found.append(self.virsh(host, "qemu-monitor-command", name, "--hmp", question).stdout.strip())
        log = self.folder_of(host) / "state/servers" / server_id / "console.log"
        found.append(repr(log.read_bytes()[-300:]) if log.exists() else "no console.log")
        found.append(
            self.inside(
                host, "sh", "-c", f"ls -l {log.parent}; tail -5 {self.folder_of(host)}/var/log/libvirt/qemu/{name}.log"
            ).stdout
        )
        return "\n".join(found)

    def can_track(self, name: str) -> bool:
        """True where the kernel knows connections through a bridge, which security groups need."""
        rules = "table bridge probe { chain one { ct state established accept; }; }; delete table bridge probe"
        return self.inside(name, "nft", rules).returncode == 0

    def listening(self, name: str) -> list[str]:
        """The addresses at which something listens on a host's network."""
        found = self.inside(name, "ss", "-Htln").stdout.splitlines()
        return [line.split()[3] for line in found]

    def running_on(self, server_id: str) -> list[str]:
        """The hosts on which the guest's CPUs run."""
        name = f"busway-{server_id[:8]}"
        return [host for host in self.numbers if self.virsh(host, "domstate", name).stdout.strip() == "running"]

    def server(self, server_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/compute/v2.1/servers/{server_id}")["server"]
        return found

    def counts(self, name: str, server_id: str) -> list[int]:
        """What the guest has printed on a host."""
        log = self.folder_of(name) / "state/servers" / server_id / "console.log"
        text = log.read_text("ascii", "replace") if log.exists() else ""
        words = [word for word in text.split() if len(word) == 4]
        return [
            int(word, 16) for word in words if all(letter in "0123456789ABCDEF@" for letter in word) and "@" not in word
        ]

    def stored(self, name: str, server_id: str) -> int:
        """The count in the second sector of the guest's disk."""
        folder = self.folder_of(name) / "state/servers" / server_id
        disk = max(folder.glob("disk*.qcow2"), key=lambda path: path.stat().st_mtime)
        command = ["qemu-img", "dd", "-U", "-f", "qcow2", "-O", "raw", "bs=512", "skip=1", "count=2", f"if={disk}"]
        out = self.folder / "sector"
        subprocess.run([*command, f"of={out}"], check=True, capture_output=True)
        return int.from_bytes(out.read_bytes()[:2], "little")

    @staticmethod
    def _ip(words: str) -> None:
        subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def until(what: str, is_so: Any, seconds: float = 240.0) -> None:
    """Waits with a deadline that says what it waited for."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"no {what} within {seconds:.0f} s"
        time.sleep(0.1)
