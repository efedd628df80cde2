"""`busway demo`: the whole workflow on emulated hardware, driven by the unmodified OpenStack clients, with each stage timed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import busway
from busway.bootstrap.guest_shell import run_in_guest
from busway.bootstrap.lab_cloud import LabCloud
from busway.domain.errors import BuswayError, NotFound
from busway.lab import Lab, LabHost, Report
from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image

GPU = re.compile(r"^\S+ .*\[03\d\d\]: .*\[1234:1111\].*$", re.MULTILINE)
BOOT_SECONDS = 240


class Demo:
    """One run of the demo; `clients` is the folder with the openstack and nova commands."""

    def __init__(self, state: Path, clients: Path, report: Report) -> None:
        self._lab = Lab(state / "lab")
        self._cloud = LabCloud(state / "cloud", self._lab)
        self._clients = clients
        self._report = report
        self._key = state / "cloud" / "test"

    def run(self, gpus: int, *, keep: bool) -> None:
        """Shows the workflow from an empty machine to the device that is given back."""
        try:
            with self._report.step("Make the guest image from Debian packages"):
                image = build_guest_image(default_cache(), self._report)
            [host] = self._cloud.up(gpus=gpus, report=self._report)
            self._prepare(image)
            before = {str(d["address"]): self._driver(host, str(d["address"])) for d in self._devices()}
            address, line = self._boot(host)
            during = self._driver(host, address)
            self._give_back()
            self._sum_up(address, line, (before[address], during, self._driver(host, address)))
            if keep:
                self._tell_how_to_go_on()
        finally:
            if not keep:
                with self._stage("Take the lab down"):
                    self._cloud.down()

    def _prepare(self, image: Path) -> None:
        with self._stage("A flavor that asks for a GPU, an image, a key"):
            self._key.unlink(missing_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)], check=True)
            self._run("nova", "flavor-key", "m1.small", "set", "pci_passthrough:alias=a1:1")
            self._run("openstack", "flavor", "show", "m1.small", "-c", "name", "-c", "properties")
            fields = ["-c", "name", "-c", "status", "-c", "size"]
            create = ("openstack", "image", "create", "new1", "--disk-format", "qcow2", "--container-format", "bare")
            self._run(*create, "--file", str(image), *fields)
            self._run("openstack", "keypair", "create", "--public-key", f"{self._key}.pub", "test", "-c", "fingerprint")
            rule = (
                "openstack",
                "security",
                "group",
                "rule",
                "create",
                "--protocol",
                "tcp",
                "--dst-port",
                "22",
                "default",
            )
            self._run(*rule, quiet=True)

    def _boot(self, host: LabHost) -> tuple[str, str]:
        """Boots server 123; answers the address of the device that it got, and the guest's own line about it."""
        self._show_devices()
        with self._stage("Boot a server with the GPU"):
            self._run(
                "nova", "boot", "--image", "new1", "--key-name", "test", "--flavor", "m1.small", "123", quiet=True
            )
            self._wait_for_active()
            self._run("openstack", "server", "show", "123", "-c", "name", "-c", "status", "-c", "addresses")
        [device] = [device for device in self._devices() if device["server_name"] == "123"]
        address = str(device["address"])
        with self._stage("The guest's own lspci, on its console"):
            line = self._gpu_line()
            self._show(f"$ openstack console log show 123   # the line with the GPU\n{line}")
        with self._stage("ssh into the guest"):
            self._ssh(host)
        self._show(f"{host.name}$ readlink /sys/bus/pci/devices/{address}/driver\n{self._driver(host, address)}")
        self._show_devices()
        return address, line

    def _give_back(self) -> None:
        with self._stage("Delete the server; the device goes back to its driver"):
            self._run("openstack", "server", "delete", "--wait", "123")

    def _sum_up(self, address: str, line: str, drivers: tuple[str, str, str]) -> None:
        click.echo("\nWhat happened")
        self._show(f"The guest's own lspci:   {line}")
        self._show(f"The host's driver links: {address}: {' -> '.join(drivers)}")
        self._show_devices()

    def _wait_for_active(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            status = self._output("openstack", "server", "show", "123", "-f", "value", "-c", "status").strip()
            if status == "ACTIVE":
                return
            if status == "ERROR":
                break
            time.sleep(1)
        raise BuswayError(
            "The server did not become ACTIVE",
            detail=self._output("openstack", "server", "show", "123", "-f", "value", "-c", "fault"),
            code="demo-failed",
        )

    def _gpu_line(self) -> str:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            console = self._output("openstack", "console", "log", "show", "123")
            found = GPU.search(console)
            if found and "busway-guest ready" in console:
                return found[0].strip()
            time.sleep(1)
        raise BuswayError("The guest did not show the GPU", detail=console[-2000:], code="demo-failed")

    def _ssh(self, host: LabHost) -> None:
        addresses = self._output("openstack", "server", "show", "123", "-f", "value", "-c", "addresses")
        found = re.search(r"\d+\.\d+\.\d+\.\d+", addresses)
        if found is None:
            raise BuswayError("The server has no address", detail=addresses, code="demo-failed")
        port = host.forward(found[0], 22)
        command = "hostname; lspci -k -d 1234:"
        self._show(f"$ ssh -i {self._key.name} -p {port} root@127.0.0.1 '{command}'")
        self._show(run_in_guest(port, self._key, command).rstrip())

    def _devices(self) -> list[dict[str, object]]:
        return self._cloud.busway_json("device", "list")

    @staticmethod
    def _driver(host: LabHost, address: str) -> str:
        """What the host's kernel says: the driver's name, "none" for no driver."""
        done = host.exec(["readlink", f"/sys/bus/pci/devices/{address}/driver"])
        return done.stdout.decode().strip().rpartition("/")[2] or "none"

    def _show_devices(self) -> None:
        self._show("$ busway device list")
        command = [sys.executable, "-m", "busway", "device", "list", "--clouds", str(self._cloud.clouds)]
        self._show(subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment()).stdout)

    def _run(self, *command: str, quiet: bool = False) -> None:
        self._show(f"$ {shlex.join(command)}")
        output = self._output(*command).rstrip()
        if output and not quiet:
            self._show(output)

    def _output(self, *command: str) -> str:
        """Runs one of the stock clients; raises with its words when it fails."""
        done = subprocess.run(
            [str(self._clients / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=300,
        )
        if done.returncode != 0:
            raise BuswayError(
                f"{shlex.join(command)} failed", detail=(done.stderr or done.stdout).strip(), code="demo-failed"
            )
        return done.stdout

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        source = str(Path(busway.__file__).resolve().parents[1])
        return {**clean, **self._cloud.client_environment(), "PYTHONPATH": source, "PYTHONWARNINGS": "ignore"}

    def _tell_how_to_go_on(self) -> None:
        self._show(
            "The cloud stays up. Use it:\n"
            f"  . {self._cloud.clouds.with_name('openrc')}; PATH={self._clients}:$PATH\n"
            f"End it: kill {self._cloud.control_pid} && busway lab down --state {self._lab.state}"
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        with self._report.step(name):
            yield

    @staticmethod
    def _show(text: str) -> None:
        for line in text.splitlines():
            click.echo(f"    {line}")


def find_clients() -> Path:
    """The folder of the stock clients: BUSWAY_CLIENTS_BIN, .venv-clients here or beside the package, or the path."""
    candidates = [Path(value) for value in (os.environ.get("BUSWAY_CLIENTS_BIN"),) if value]
    candidates += [Path(".venv-clients/bin"), Path(busway.__file__).resolve().parents[2] / ".venv-clients/bin"]
    on_path = shutil.which("openstack")
    candidates += [Path(on_path).parent] if on_path else []
    for folder in candidates:
        if (folder / "openstack").exists() and (folder / "nova").exists():
            return folder.absolute()
    raise NotFound(
        "The openstack and nova commands were not found",
        detail=f"Looked in: {', '.join(str(folder) for folder in candidates)}.",
        remedy="Run `make setup`, or install python-openstackclient and python-novaclient.",
        code="clients-not-found",
    )


def demo(state: Path, gpus: int, *, keep: bool, report: Report) -> None:
    """Runs the demo and tells how long each stage took."""
    began = time.monotonic()
    Demo(state, find_clients(), report).run(gpus, keep=keep)
    click.echo("\nHow long each stage took")
    for name, seconds in report.seconds.items():
        click.echo(f"{seconds:7.1f} s  {name}")
    click.echo(f"{time.monotonic() - began:7.1f} s  in all")
