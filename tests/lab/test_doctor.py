"""Needs the lab: the doctor on a host whose IOMMU is off, from its finding to a reboot that mends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import busway
from busway.lab import Lab, LabHost
from busway.lab.host import ExecResult

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
slow = pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots twice more; `make test-slow` runs it")

_GRUB = b'GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\nGRUB_CMDLINE_LINUX=""\n'
# The lab host's boot loader is QEMU: what GRUB would pass to the kernel is left where this test finds it.
_UPDATE_GRUB = b"""#!/bin/sh
. /etc/default/grub
for file in /etc/default/grub.d/*.cfg; do [ ! -e "$file" ] || . "$file"; done
echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT" > /mnt/lab/grub-passes
"""


@pytest.fixture
def switched_off(tmp_path: Path) -> Iterator[LabHost]:
    """A Debian host with GRUB whose kernel was told to leave its IOMMU off."""
    lab = Lab(tmp_path / "lab")
    try:
        (host,) = lab.up(gpus=1, kernel_arguments="intel_iommu=off", memory_mib=2048)
        host.write("/etc/default/grub", _GRUB)
        host.write("/etc/default/grub.d/10-image.cfg", b"GRUB_TIMEOUT=0\n")
        host.write("/usr/local/sbin/update-grub", _UPDATE_GRUB, 0o755)
        yield host
    finally:
        lab.down()


def run(host: LabHost, *arguments: str) -> ExecResult:
    env = {"PYTHONPATH": str(Path(busway.__file__).parents[1])}
    command = [str(Path(sys.executable).with_name("busway")), "doctor", *arguments]
    return host.exec(command, timeout=120, env=env)


def sleepy(host: LabHost) -> str:
    """The functions that may fall asleep for good, as the kernel shows them now."""
    return host.exec(["sh", "-c", "grep -l 1 /sys/bus/pci/devices/*/d3cold_allowed || true"]).text()


def groups(host: LabHost) -> int:
    return int(host.exec(["sh", "-c", "ls /sys/kernel/iommu_groups | wc -l"]).text())


def test_a_host_with_its_iommu_off_is_told_why_and_what_to_change_where(switched_off: LabHost) -> None:
    assert groups(switched_off) == 0

    done = run(switched_off)
    lines = done.stdout.decode().splitlines()

    assert done.returncode == 1
    assert ", boots with GRUB, itself a guest of " in " ".join(lines[:2])
    assert "IOMMU up" in lines
    assert lines[lines.index("IOMMU up") + 1] == "  blocks  The kernel command line has intel_iommu=off  [iommu-off]"
    said = " ".join(done.stdout.decode().split())
    assert (
        "do Add intel_iommu=on and remove intel_iommu=off in GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, "
        "run `update-grub`, and reboot."
    ) in said
    assert "ready after removing intel_iommu=off from the kernel command line and a reboot (" in said


@slow
def test_what_the_doctor_applies_makes_the_host_ready_and_is_undone_byte_for_byte(switched_off: LabHost) -> None:
    host = switched_off
    asleep = sleepy(host)

    applied = run(host, "--apply", "--yes").text()
    passed, awake = host.read("/mnt/lab/grub-passes"), sleepy(host)
    undone = run(host, "--undo").text()
    passed_then = host.read("/mnt/lab/grub-passes")
    asleep_again = sleepy(host)
    left = host.exec(["sh", "-c", "ls /etc/default/grub.d"]).text()
    grub = host.read("/etc/default/grub")
    run(host, "--apply", "--yes").text()
    host.set_kernel_arguments(host.read("/mnt/lab/grub-passes").decode().strip())
    host.power_cycle()
    ready = run(host, "41:00")

    assert '-GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"' in applied
    assert '+GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on"' in applied
    assert passed.split() == [b"quiet", b"intel_iommu=on"]
    assert "restored  /etc/default/grub.d/90-busway.cfg" in undone
    assert "restored  /etc/default/grub\n" in undone
    assert passed_then.split() == [b"quiet", b"intel_iommu=off"]
    assert awake != asleep == asleep_again
    assert (left, grub) == ("10-image.cfg\n", _GRUB)
    assert groups(host) > 10
    assert ready.returncode == 0, ready.stdout.decode()
    assert ready.stdout.decode().splitlines()[-1].startswith("0000:41:00  ready  (")


@slow
def test_a_guest_without_an_iommu_is_told_to_ask_its_hypervisor_for_one(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        (host,) = lab.up(gpus=1, iommu=False, memory_mib=2048)
        done = run(host)
    finally:
        lab.down()

    said = " ".join(done.stdout.decode().split())
    assert done.returncode == 1
    assert "The firmware reports no IOMMU [iommu-firmware]" in said
    assert "ready after a virtual IOMMU from QEMU/KVM" in said
