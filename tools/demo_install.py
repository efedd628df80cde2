"""`make demo-install`: the Debian package on a fresh lab host, from dpkg to lspci in a server with a GPU, each step timed.

The lab host has no systemd: its first process is busybox. So `busway up` is started by hand, with the options of its unit.
Everything else is what an operator does. The lab's processor is emulated: real machines take a small part of these times.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from busway.domain.errors import BuswayError
from busway.lab import Lab, LabHost, Report
from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image
from tools.command import ROOT
from tools.deb.build import Package

_CLIENT = ROOT / ".venv-clients" / "bin" / "openstack"
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
_WAIT_SECONDS = 600.0
_KEY = "/root/.ssh/id_ed25519"


def main() -> int:
    """Show the way, and what each step of it took."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="busway-demo-install-") as folder:
        lab = Lab(Path(folder) / "lab")
        with report.step("Before: build the package and a guest image, start a lab host with two GPUs"):
            package = Package(level=1).build(Path(folder))
            image = build_guest_image(default_cache(), report)
            host = _start(lab, report)
            place = host.share / "given"
            place.mkdir(exist_ok=True)
            for path in (package, image):
                (place / path.name).write_bytes(path.read_bytes())
        report.seconds.clear()
        try:
            _walk(host, report, package.name, image.name)
        except BuswayError as error:
            print(f"demo-install: {error}", file=sys.stderr)
            print(_log(host)[-3000:], file=sys.stderr)
            return 1
        finally:
            lab.down()
    print("\nHow long each step took")
    for name, seconds in report.seconds.items():
        print(f"{seconds:7.1f} s  {name}")
    print(f"{sum(report.seconds.values()):7.1f} s  in all")
    return 0


def _start(lab: Lab, report: Report) -> LabHost:
    try:
        [host] = lab.up(gpus=2, report=report)
    except BaseException:
        lab.down()
        raise
    return host


def _walk(host: LabHost, report: Report, package: str, image: str) -> None:
    with report.step("Install the package"):
        _run(host, "rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update", quiet=True)
        _run(host, f"dpkg --install --force-depends /mnt/lab/given/{package}")
    with report.step("busway up, until it says how to go on"):
        command = ["/usr/bin/busway", "up", "--config", "/etc/busway/busway.conf", "--state", "/var/lib/busway"]
        host.spawn([*command, "--rom-bar", "off"], "up.log", env=_ENVIRONMENT)
        _wait(host, partial(_says, host, "busway server ssh first"))
        print(_for_people(_log(host)))
    with report.step("Put the image in, and let ssh in"):
        words = "--disk-format qcow2 --container-format bare --file"
        _client(host, f"image create {words} /mnt/lab/given/{image} my-image -c name -c status")
        _client(host, "security group rule create --protocol tcp --dst-port 22 default -c id")
    with report.step("A server with a GPU, until it is active"):
        _run(host, f"mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f {_KEY}", quiet=True)
        _run(host, f"busway server create first --gpu 1234-1111 --image my-image --key {_KEY}.pub --wait --timeout 600")
    with report.step("ssh into it, and lspci there"):
        _run(host, f"busway server ssh first --user root --identity {_KEY} --wait --timeout 600 -- lspci -nn -d 1234:")


def _run(host: LabHost, command: str, *, quiet: bool = False) -> None:
    if not quiet:
        print(f"    $ {command}", flush=True)
    output = host.exec(["sh", "-ec", command], timeout=_WAIT_SECONDS, env=_ENVIRONMENT).text()
    if not quiet:
        print("".join(f"    {line}\n" for line in output.splitlines()), end="", flush=True)


def _client(host: LabHost, words: str) -> None:
    """Run the stock client, which lies on the outer machine, as the user of openrc."""
    print(f"    $ openstack {words}", flush=True)
    command = f". /var/lib/busway/openrc; {shlex.quote(str(_CLIENT))} {words}"
    output = host.exec(["sh", "-ec", command], timeout=_WAIT_SECONDS, env=_ENVIRONMENT).text()
    print("".join(f"    {line}\n" for line in output.splitlines()), end="", flush=True)


def _log(host: LabHost) -> str:
    path = host.share / "log" / "up.log"
    return path.read_text(errors="replace") if path.exists() else ""


def _says(host: LabHost, words: str) -> bool:
    return words in _log(host)


def _for_people(log: str) -> str:
    """The lines for people; the others are the log."""
    return "\n".join(f"    {line}" for line in log.splitlines() if not line.startswith(("timestamp=", "20")))


def _wait(host: LabHost, ready: partial[bool]) -> None:
    end = time.monotonic() + _WAIT_SECONDS
    while not ready():
        host.check()
        if time.monotonic() > end:
            raise BuswayError("busway up does not say how to go on", detail=_log(host)[-1000:])
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
