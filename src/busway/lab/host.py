"""One lab host: run commands in it, read and write its files, reach its guests, cut its power."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from busway.lab import machine as machines
from busway.lab.channel import Channel, Frame
from busway.lab.errors import LabRefused
from busway.lab.health import Watch, ready_within
from busway.lab.inside import place
from busway.lab.machine import Machine
from busway.lab.process import Process
from busway.lab.qmp import Monitor

DISK_BYTES = 40 * 2**30
_FILE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command ended; a negative return code is the signal that ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes

    def text(self) -> str:
        """Answer the output of a command that went well; raise with what it said when it did not."""
        if self.returncode != 0:
            output_text = (self.stderr or self.stdout).decode(errors="replace").strip()
            raise LabRefused(f"A command in the lab host failed with exit code {self.returncode}", detail=output_text)
        return self.stdout.decode()


@dataclass(frozen=True, slots=True)
class Pid:
    """A process in a lab host: its number and its start time (ticks since that host's boot)."""

    number: int
    started: str


class LabHost:
    """One lab host, by the folder that holds its state. Any number of processes may use one at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(**json.loads((folder / "machine.json").read_text()))
        self._process = Process(folder)

    @property
    def name(self) -> str:
        """The name of the host, as in `gpu-host-1`."""
        return self.machine.name

    @property
    def console_log(self) -> Path:
        """The file that holds all the machine wrote to its console, from its first boot on."""
        return self.folder / "console.log"

    @property
    def share(self) -> Path:
        """The outer side of the folder that the host has at /mnt/lab."""
        return self.folder / "share"

    @property
    def uptime(self) -> float:
        """Seconds since the machine's boot, as of its last heartbeat (every 2 s); 0 before the first."""
        try:
            return float((self.share / "heartbeat").read_text() or 0)
        except FileNotFoundError:
            return 0.0

    def alive(self) -> bool:
        """Whether the machine's QEMU runs."""
        return self._process.pid is not None

    def check(self) -> None:
        """Raise LabDied or LabHung unless the machine is well; this looks once and does not wait."""
        Watch(self.name, self.folder, grace=0.0)()

    def exec(
        self,
        argv: list[str],
        timeout: float = 60.0,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        cwd: str = "/",
    ) -> ExecResult:
        """Run a command as root and wait for its end; over `timeout` seconds it is killed and LabTimeout raised."""
        output = {"o": bytearray(), "e": bytearray(), "x": bytearray()}
        for kind, data in self.stream(argv, timeout, stdin, env, cwd):
            output[kind] += data
        result = json.loads(output["x"])
        if "error" in result:
            raise LabRefused(f"Lab host {self.name} can't run {argv[0]}", detail=result["error"])
        return ExecResult(result["returncode"], bytes(output["o"]), bytes(output["e"]))

    def stream(
        self, argv: list[str], timeout: float, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: str = "/"
    ) -> Iterator[Frame]:
        """Run a command and give its output as it comes: `o` and `e` frames, then `x` with the JSON result."""
        return self._ask(timeout, stdin, verb="exec", argv=argv, env=env or {}, cwd=cwd)

    def spawn(self, argv: list[str], log: str, env: dict[str, str] | None = None, cwd: str = "/") -> Pid:
        """Start a long-running process; a `log` without a slash is kept in the shared folder, readable from outside."""
        where = log if "/" in log else f"/mnt/lab/log/{log}"
        result, _ = self._whole(verb="spawn", argv=argv, log=where, env=env or {}, cwd=cwd)
        return Pid(result["pid"], result["started"])

    def kill(self, pid: Pid, number: signal.Signals = signal.SIGTERM) -> bool:
        """Signal a spawned process; False when it has ended already."""
        result, _ = self._whole(verb="kill", pid=pid.number, started=pid.started, signal=int(number))
        return bool(result["alive"])

    def read(self, path: str) -> bytes:
        """Read a file of the host."""
        return self._whole(verb="read", path=path)[1]

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file of the host whole: a reader sees the old or the new content."""
        self._whole(data, verb="write", path=path, mode=mode)

    def refresh(self) -> None:
        """Forget what the host has read of the outer machine's files, so that it sees those changed since."""
        self.write("/proc/sys/vm/drop_caches", b"3\n")

    def forward(self, guest_address: str, guest_port: int) -> int:
        """Answer the port of 127.0.0.1 that leads to a guest's; it stays the same across `power_cycle`."""
        port = self._monitor().forward("guests", guest_address, guest_port)
        self._keep_forwards({**self._kept_forwards(), f"{guest_address}:{guest_port}": port})
        return port

    def forward_remove(self, guest_address: str, guest_port: int) -> None:
        """Close the forwarding to a guest's port; it is not an error if it is closed already."""
        kept = self._kept_forwards()
        port = kept.pop(f"{guest_address}:{guest_port}", None)
        if port is not None:
            self._monitor().unforward("guests", port)
            self._keep_forwards(kept)

    def start(self) -> None:
        """Switch the machine on, unless it is on; `wait_ready` waits for it."""
        if self.alive():
            return
        place(self.share, self.machine)
        disk = self.folder / "data.img"
        if not disk.exists():
            _format(disk)
        for stale in ("channel.port", "qmp.sock", "link.sock"):
            (self.folder / stale).unlink(missing_ok=True)
        self._process.start(machines.command(self.machine), unless_gone=self.folder / "machine.json")

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the machine answers and its libvirt does."""
        deadline = time.monotonic() + (ready_within() if timeout is None else timeout)
        self._whole(verb="ping", deadline=deadline)
        check = "until virsh -q -c qemu:///system version; do sleep 0.5; done >/dev/null 2>&1"
        self.exec(["sh", "-c", check], timeout=max(deadline - time.monotonic(), 1))

    def power_off(self) -> None:
        """Cut the machine's power: what it has not synced is lost, as on any machine."""
        self._process.kill()

    def set_kernel_arguments(self, words: str) -> None:
        """Give the kernel these words at the next start, as a changed boot loader would."""
        self.machine = replace(self.machine, kernel_arguments=words)
        _replace(self.folder / "machine.json", json.dumps(asdict(self.machine)))

    def power_cycle(self) -> None:
        """Cut the power and switch on again; the data disk and the forwarded ports stay."""
        self.power_off()
        self.start()
        monitor = self._monitor()
        for inner, outer in self._kept_forwards().items():
            address, _, port = inner.rpartition(":")
            monitor.forward("guests", address, int(port), outer)
        self.wait_ready()

    def _ask(self, timeout: float, body: bytes = b"", **request: Any) -> Iterator[Frame]:
        watch = Watch(self.name, self.folder)
        watch()
        secret = (self.share / "secret").read_text()
        channel = Channel(self.name, self._channel_port, secret, watch)
        return channel.ask(time.monotonic() + timeout, body, **request)

    def _whole(self, body: bytes = b"", deadline: float | None = None, **request: Any) -> tuple[dict[str, Any], bytes]:
        timeout = _FILE_SECONDS if deadline is None else deadline - time.monotonic()
        data, result = bytearray(), {}
        for kind, part in self._ask(timeout, body, **request):
            if kind == "x":
                result = json.loads(part)
            else:
                data += part
        if "error" in result:
            raise LabRefused(f"Lab host {self.name} can't {request['verb']}", detail=result["error"])
        return result, bytes(data)

    def _monitor(self) -> Monitor:
        return Monitor(self.folder, Watch(self.name, self.folder))

    def _channel_port(self) -> int:
        """The port QEMU picked for commands; asked once per boot and kept in a file."""
        kept = self.folder / "channel.port"
        if kept.exists():
            return int(kept.read_text())
        port = self._monitor().forwards()[machines.CHANNEL_ADDRESS, machines.CHANNEL_PORT]
        _replace(kept, str(port))
        return port

    def _kept_forwards(self) -> dict[str, int]:
        try:
            kept: dict[str, int] = json.loads((self.folder / "forwards.json").read_text())
        except FileNotFoundError:
            return {}
        return kept

    def _keep_forwards(self, forwards: dict[str, int]) -> None:
        _replace(self.folder / "forwards.json", json.dumps(forwards))


def create(folder: Path, machine: Machine) -> LabHost:
    """Write down what a host is to be; `start` makes it so."""
    folder.mkdir(exist_ok=True)
    (folder / "share").mkdir(exist_ok=True)
    _replace(folder / "machine.json", json.dumps(asdict(machine)))
    return LabHost(folder)


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def _format(disk: Path) -> None:
    """Make a sparse ext4 disk without being root and without mounting it."""
    new = disk.with_suffix(".new")
    with new.open("wb") as file:
        file.truncate(DISK_BYTES)
    mkfs = shutil.which("mkfs.ext4", path="/sbin:/usr/sbin") or "mkfs.ext4"
    subprocess.run([mkfs, "-q", "-F", "-L", "busway-data", str(new)], check=True, timeout=120, capture_output=True)
    new.rename(disk)
