"""Needs the lab: a guest started by hand through libvirt with a GPU."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.lab import LabHost
from tests.lab import guest

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"), reason="tests/cloud boots the same guest; `make test-slow` runs it"
    ),
]


def _gpu(host: LabHost) -> str:
    return host.exec(["sh", "-c", "lspci -D -d 1234:1111 | cut -d' ' -f1 | tail -1"]).text().strip()


def _driver(host: LabHost, address: str) -> str:
    return host.exec(["readlink", f"/sys/bus/pci/devices/{address}/driver"]).text().strip().rpartition("/")[2]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=30)
    return path


@pytest.fixture
def defined(lab_host: LabHost, guest_image: Path, key: Path) -> Iterator[str]:
    """A defined guest with one GPU; the GPU's address."""
    address = _gpu(lab_host)
    public = key.with_suffix(".pub").read_text().strip()
    drive = guest.configuration_drive(public, b"#!/bin/sh\necho user data ran as $(id -u)\n")
    lab_host.write(guest.DRIVE, drive)
    lab_host.write("/run/hand-made.xml", guest.domain_xml(address).encode())
    backing = ["-b", str(guest_image), "-F", "qcow2"]
    lab_host.exec(["qemu-img", "create", "-q", "-f", "qcow2", *backing, guest.DISK]).text()
    lab_host.exec(["virsh", "-q", "define", "/run/hand-made.xml"]).text()
    yield address
    lab_host.exec(["sh", "-c", f"virsh destroy hand-made; virsh undefine hand-made; rm -f {guest.CONSOLE}"])


def test_a_guest_gets_the_gpu_and_the_host_gets_it_back(lab_host: LabHost, defined: str, key: Path) -> None:
    assert _driver(lab_host, defined) == "bochs-drm"

    begun = time.monotonic()
    lab_host.exec(["virsh", "-q", "start", "hand-made"], timeout=120).text()
    said = guest.wait_for_console(lab_host, b"busway-guest ready", 180).decode()
    print(f"guest: ready after {time.monotonic() - begun:.1f} s")

    listed = said.partition("----- lspci -nn -----")[2].partition("----- end of lspci -----")[0]
    assert "[1234:1111]" in listed
    assert _driver(lab_host, defined) == "vfio-pci"

    port = lab_host.forward(guest.ADDRESS, 22)
    assert "hand-made" in guest.ssh(key, port, "hostname")
    assert "1234:1111" in guest.ssh(key, port, "lspci", "-n")
    assert guest.ssh(key, port, "cat", "/var/log/user_data.log") == "user data ran as 0\n"
    lab_host.forward_remove(guest.ADDRESS, 22)
    with pytest.raises(subprocess.CalledProcessError):
        guest.ssh(key, port, "true")

    lab_host.exec(["virsh", "-q", "shutdown", "hand-made"]).text()
    off = "until [ \"$(virsh domstate hand-made)\" = 'shut off' ]; do sleep 0.5; done"
    lab_host.exec(["sh", "-c", off], timeout=90).text()
    assert _driver(lab_host, defined) == "bochs-drm"
