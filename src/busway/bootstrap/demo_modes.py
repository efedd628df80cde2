"""`make demo-modes`: every way to give a guest a GPU on one lab host, with the guest's evidence, the host's, and the cost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from busway.bootstrap.demo import find_clients
from busway.bootstrap.lab_cloud import CONFIG, LabCloud, process_environment
from busway.bootstrap.mode_cases import CASES, LACKING, SAMPLE_CONFIG, SAMPLES, ModeCase
from busway.domain.errors import BuswayError
from busway.lab import Lab, LabHost, PlainReport, graphics, mdev_samples
from busway.lab.cache import Cache, default_cache
from busway.lab.image import build_guest_image

BOOT_SECONDS = 420
_VF = "1b36:0010"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one case showed, or in one line what the machine lacks for it."""

    guest: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    cost: str = ""
    lacks: str = ""


class ModeShow:
    """Runs cases on a cloud that is up; `openstack` runs the stock client and answers what it printed."""

    def __init__(self, cloud: LabCloud, host: LabHost, clients: Path) -> None:
        self._cloud = cloud
        self._host = host
        self._clients = clients

    def prepare(self) -> None:
        """Loads the sample drivers of mediated devices, and has the agent make virtual functions."""
        modules = mdev_samples.build(Cache(default_cache()))
        self._host.exec(["modprobe", "-a", "mdev", "vfio"], timeout=60).text()
        for name in SAMPLES:
            self._host.exec(["insmod", str(modules / f"{name}.ko")], timeout=60).text()
        pf = self._host.exec(["sh", "-c", f"lspci -D -d {_VF} | cut -d' ' -f1 | head -1"]).text().strip()
        self._cloud.kill_agent(self._host)
        graphics.prepare(self._host, Cache(default_cache()))
        options = ("--render-node", "software=2", *(("--vfs", f"{pf}=2") if pf else ()))
        self._cloud.start_agent(self._host, options=options)
        self._wait(
            "virtual functions and parents", lambda: not pf or bool(self._inside("ls -d /sys/bus/pci/devices/*/physfn"))
        )

    def show(self, case: ModeCase, number: int, image: str = "new1") -> Shown:
        """Boots a server of a case, gathers the evidence of both sides, and deletes it."""
        flavor, server = f"mode-{number}", f"mode-{number}"
        image = self._image(case.kernel) if case.kernel else image
        words = [word for key, value in case.flavor.items() for word in ("--property", f"{key}={value}")]
        self.openstack("flavor", "create", flavor, "--ram", str(case.ram_mb), "--disk", "1", "--vcpus", "1", *words)
        for key, value in case.image.items():
            self.openstack("image", "set", "--property", f"{key}={value}", image)
        refused = self._wait_for_plan(flavor, self.openstack("image", "show", image, "-f", "value", "-c", "id").strip())
        if refused:
            return Shown(lacks=refused)
        began = time.monotonic()
        self.openstack("server", "create", "--image", image, "--flavor", flavor, server)
        try:
            status = self._wait("the server", lambda: self._settled(server))
            if status != "ACTIVE":
                fault = json.loads(self.openstack("server", "show", server, "-f", "json", "-c", "fault"))["fault"]
                return Shown(lacks=str(fault.get("message", fault) if isinstance(fault, dict) else fault))
            active = time.monotonic() - began
            listed = self._wait("the guest's own lspci", lambda: self._listed(server, case.ends))
            ready = time.monotonic() - began
            return self._evidence(case, server, listed, active, ready)
        finally:
            self.openstack("server", "delete", "--wait", server)

    def lacking(self) -> Iterator[tuple[str, str]]:
        """The ways that no case can show here, each with the reason that this machine gives."""
        cards = json.loads(self._inside(f"cd / && {sys.executable} -m busway device modes --json"))
        ways = [way for card in cards for way in card["modes"]]
        for word, name in LACKING.items():
            matching = [way for way in ways if way["name"] == word]
            if matching and not any(way["serves"] for way in matching):
                yield name, str(matching[0]["why"])

    def openstack(self, *words: str) -> str:
        """Runs the stock client; raises with its words when it fails."""
        done = subprocess.run(
            [str(self._clients / "openstack"), *words], capture_output=True, text=True, timeout=300, check=False,
            env={**_clean(), **self._cloud.client_environment(), "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        if done.returncode != 0:
            words_of_it = (done.stderr or done.stdout).strip()
            raise BuswayError(f"openstack {' '.join(words)} failed", detail=words_of_it, code="demo-failed")
        return done.stdout

    def _evidence(self, case: ModeCase, server: str, listed: str, active: float, ready: float) -> Shown:
        guest = case.evidence(listed)
        domain = self.openstack("server", "show", server, "-f", "value", "-c", "id").strip()
        host = self._inside(case.host.replace("DOMAIN", domain)).strip()
        assert re.search(case.shows, host), f"the host shows no {case.shows}: {host}"
        memory = self._inside(
            "for p in $(pgrep -f qemu-system); do grep -h 'VmRSS\\|VmPin\\|VmLck' /proc/$p/status; done"
        )
        found = re.findall(r"(\w+):\s+(\d+) kB", memory)
        sizes = {name: max(int(kib) // 1024 for word, kib in found if word == name) for name, _ in found}
        pinned = max(sizes.get("VmPin", 0), sizes.get("VmLck", 0))
        cost = f"ACTIVE after {active:.0f} s, guest ready after {ready:.0f} s; its QEMU has {sizes.get('VmRSS', 0)} MiB"
        return Shown(tuple(guest), tuple(host.splitlines()), f"{cost}, {pinned} MiB of it pinned" if pinned else cost)

    def _wait_for_plan(self, flavor: str, image: str) -> str:
        """The placer's refusal, "" once it would place the server; tries for a while, because parents are reported late."""
        deadline = time.monotonic() + 30
        while True:
            words = [sys.executable, "-m", "busway", "plan", "--flavor", flavor, "--image", image, "--json"]
            done = subprocess.run(
                [*words, "--clouds", str(self._cloud.clouds)], capture_output=True, text=True, timeout=120, check=False,
                env=process_environment(),
            )  # fmt: skip
            answer = json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}
            if answer.get("servers"):
                return ""
            if time.monotonic() > deadline:
                refusal = answer.get("refusal") or {}
                return str(refusal.get("detail") or refusal.get("brief") or (done.stderr or done.stdout).strip())
            time.sleep(1)

    def _settled(self, server: str) -> str:
        status = self.openstack("server", "show", server, "-f", "value", "-c", "status").strip()
        return status if status in ("ACTIVE", "ERROR") else ""

    def _image(self, kernel: str) -> str:
        """The name of one of the lab's guest images, which is uploaded when it is first needed."""
        listed = self.openstack("image", "list", "-f", "value", "-c", "Name").split()
        if kernel not in listed:
            file = build_guest_image(default_cache(), flavour=kernel)
            create = ("image", "create", kernel, "--disk-format", "qcow2", "--container-format", "bare")
            self.openstack(*create, "--file", str(file))
        return kernel

    def _listed(self, server: str, ends: str) -> str:
        """The guest's list of its devices, and its output after it was ready; "" until its last line is there."""
        log = self.openstack("console", "log", "show", server).replace("\r", "")
        if ends not in log:
            return ""
        listed = log.partition("----- lspci -nn -----\n")[2].partition("----- end of lspci")[0]
        return listed + log.partition("busway-guest ready")[2]

    def _inside(self, command: str) -> str:
        environment = dict(process_environment(bare=True))
        return self._host.exec(["sh", "-c", command], timeout=120, env=environment).stdout.decode(errors="replace")

    def _wait(self, what: str, condition: object) -> str:
        deadline = time.monotonic() + BOOT_SECONDS
        while not (found := condition()):  # type: ignore[operator]
            self._host.check()
            if time.monotonic() > deadline:
                raise BuswayError(f"Waited {BOOT_SECONDS} s for {what}", code="demo-failed")
            time.sleep(1)
        return str(found)


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OS_")}


@contextmanager
def _cloud(state: Path) -> Iterator[tuple[LabCloud, LabHost]]:
    report = PlainReport(sys.stderr)
    cloud = LabCloud(state / "cloud", Lab(state / "lab"), CONFIG + SAMPLE_CONFIG)
    try:
        image = build_guest_image(default_cache(), report)
        [host] = cloud.up(gpus=2, report=report)
        show = ModeShow(cloud, host, find_clients())
        create = ("image", "create", "new1", "--disk-format", "qcow2", "--container-format", "bare")
        show.openstack(*create, "--file", str(image))
        yield cloud, host
    finally:
        cloud.down()


def main() -> None:
    """Runs every case and prints it as it comes."""
    began = time.monotonic()
    state = Path(tempfile.mkdtemp(prefix="busway-modes-"))
    failures = 0
    try:
        with _cloud(state) as (cloud, host):
            show = ModeShow(cloud, host, find_clients())
            show.prepare()
            for number, case in enumerate(CASES, 1):
                failures += not _print(case, show, number)
            for name, why in show.lacking():
                click.echo(f"\n{name}\n  this machine lacks it: {why}")
    finally:
        shutil.rmtree(state, ignore_errors=True)
    click.echo(f"\n{len(CASES)} ways in {time.monotonic() - began:.0f} s, {failures} of them without their evidence")
    sys.exit(bool(failures))


def _print(case: ModeCase, show: ModeShow, number: int) -> bool:
    """True when the case showed what it must, or the machine lacks what it needs."""
    asked = [f"{key}={value}" for key, value in {**case.flavor, **case.image}.items()]
    click.echo(f"\n{case.name}: {case.what}\n  asked:  {', '.join(asked)}")
    try:
        shown = show.show(case, number)
    except (AssertionError, BuswayError) as error:
        click.echo(f"  failed: {error}")
        return False
    if shown.lacks:
        click.echo(f"  this machine lacks it: {shown.lacks}")
        return True
    for side, lines in (("guest", shown.guest), ("host", shown.host)):
        for line in lines:
            click.echo(f"  {side + ':':8}{line}")
    click.echo(f"  cost:   {shown.cost}")
    return True


if __name__ == "__main__":
    main()
