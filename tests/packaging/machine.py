"""A throw-away copy of this machine: its root below an overlay in memory, in mount and process namespaces of its own."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ENTER = """
set -e
mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}
mount --bind /dev {root}/dev
mount -t proc proc {root}/proc
mount -t tmpfs tmpfs {root}/run
mount -t tmpfs tmpfs {root}/tmp
mkdir {root}/tmp/given
mount --bind {given} {root}/tmp/given
exec chroot {root} /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive \\
    sh -ec {script}
"""


_BOOT = """
set -e
mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}
mount --bind /dev {root}/dev
mount -t proc proc {root}/proc
mount -t sysfs sysfs {root}/sys
mount -t cgroup2 cgroup2 {root}/sys/fs/cgroup
mount -t tmpfs tmpfs {root}/run
mount -t tmpfs tmpfs {root}/tmp
mkdir {root}/tmp/given
mount --bind {given} {root}/tmp/given
exec chroot {root} /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --unit=basic.target --log-target=null --show-status=no
"""
_INSIDE = (
    "env",
    "-i",
    "--chdir=/",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "DEBIAN_FRONTEND=noninteractive",
    "sh",
    "-ec",
)


@dataclass(frozen=True, slots=True)
class Done:
    """What a script said and how it ended."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Files stay between scripts; processes end with theirs."""

    folder: Path

    @property
    def given(self) -> Path:
        """A folder of both worlds: /tmp/given inside."""
        return self.folder / "given"

    def run(self, script: str, seconds: float = 300) -> str:
        """Run a shell script as root, which must end well; returns what it said."""
        done = self.attempt(script, seconds)
        assert done.code == 0, done.text
        return done.text

    def attempt(self, script: str, seconds: float = 300) -> Done:
        """Run a shell script as root."""
        folders = {name: str(self.folder / name) for name in ("upper", "work", "root", "given")}
        enter = _ENTER.format(**folders, script=shlex.quote(script))
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
        )
        return Done(done.returncode, done.stdout)

    @contextmanager
    def booted(self) -> Iterator["Booted"]:
        """Run systemd as the first process of this machine, until the block ends."""
        folders = {name: str(self.folder / name) for name in ("upper", "work", "root", "given")}
        namespaces = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child")
        command = ["unshare", *namespaces, "sh", "-c", _BOOT.format(**folders)]
        outside = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield Booted(_first_process(outside.pid), self.folder / "root")
        finally:
            outside.kill()  # and with it, by --kill-child, all that is inside
            outside.wait(30)


@dataclass(frozen=True, slots=True)
class Booted:
    """A machine whose systemd runs; `pid` is systemd's out here."""

    pid: int
    root: Path

    def run(self, script: str, seconds: float = 300) -> str:
        """Run a shell script as root beside systemd, which must end well; returns what it said."""
        enter = ("nsenter", "--target", str(self.pid), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--root")
        done = subprocess.run(
            [*enter, *_INSIDE, script],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def wait_until_up(self, seconds: float = 60) -> None:
        """Wait until systemd has reached its first target."""
        self.run(f"timeout {seconds} sh -c 'until systemctl is-active --quiet basic.target; do sleep 0.2; done'")


def _first_process(outside: int, seconds: float = 30) -> int:
    """The child of `unshare` once it has become systemd."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        children = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
            return int(children[0])
        time.sleep(0.05)
    raise AssertionError("systemd does not start in namespaces here")


def can_copy() -> bool:
    """Tell whether this process may make such a machine: root, with Debian's Python of the version that runs this."""
    if os.geteuid() != 0 or shutil.which("dpkg-deb") is None:
        return False
    with copied() as machine:
        return machine.attempt("true", 30).code == 0


@contextmanager
def copied() -> Iterator[Machine]:
    """Make a machine, and forget it at the end."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="busway-machine-", dir=memory if memory.is_dir() else None))
    for name in ("upper", "work", "root", "given"):
        (folder / name).mkdir()
    try:
        yield Machine(folder)
    finally:
        shutil.rmtree(folder)
