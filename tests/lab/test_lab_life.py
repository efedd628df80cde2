"""Needs the lab: power cuts, hangs, and the end of a lab."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from busway.lab import Lab, LabDied, LabHost, LabHung

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

_UP = """
import sys
from pathlib import Path
from busway.lab import Lab
Lab(Path(sys.argv[1])).up(gpus=1, memory_mib=2048)
"""


def _qemus_of(state: Path) -> list[int]:
    """Every live process whose working directory is in the state folder, recorded or not."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(state):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_power_cut_keeps_the_data_disk_and_the_forwarded_ports(lab_host: LabHost) -> None:
    lab_host.write("/var/lib/busway/kept", b"kept")
    lab_host.write("/tmp/lost", b"lost")
    lab_host.exec(["sync"]).text()
    port = lab_host.forward("10.0.2.15", 8081)

    lab_host.power_cycle()

    assert lab_host.read("/var/lib/busway/kept") == b"kept"
    assert lab_host.exec(["test", "-e", "/tmp/lost"]).returncode == 1
    assert lab_host.forward("10.0.2.15", 8081) == port
    lab_host.forward_remove("10.0.2.15", 8081)


def test_a_hung_machine_is_reported_as_hung_and_goes_on_when_it_can(
    lab_host: LabHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSWAY_LAB_HUNG_AFTER", "12")
    pid = lab_host._process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(LabHung, match="gpu-host-1 hangs") as caught:
            lab_host.exec(["true"], timeout=60)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert "console" in caught.value.detail
    assert lab_host.exec(["echo", "again"]).text() == "again\n"


def test_libvirtd_comes_back_when_it_dies(lab_host: LabHost) -> None:
    before = lab_host.exec(["pidof", "libvirtd"]).text()

    lab_host.exec(["pkill", "-9", "-x", "libvirtd"]).text()

    lab_host.wait_ready(60)
    assert lab_host.exec(["pidof", "libvirtd"]).text() != before


def test_a_machine_that_dies_during_a_command_is_reported_as_dead(lab_host: LabHost) -> None:
    with pytest.raises(LabDied):
        for _ in lab_host.stream(["sh", "-c", "echo begun; sleep 600"], timeout=60):
            lab_host.power_off()

    assert not lab_host.alive()
    lab_host.power_cycle()


def test_down_ends_an_up_that_was_killed_half_way(tmp_path: Path) -> None:
    state = tmp_path / "lab"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    up = subprocess.Popen([sys.executable, "-c", _UP, str(state)], env=env, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not _qemus_of(state):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    up.send_signal(signal.SIGKILL)
    up.communicate(timeout=10)

    Lab(state).down()

    assert _qemus_of(state) == []
    assert not state.exists()


def test_down_during_up_ends_it_with_an_error(tmp_path: Path) -> None:
    state = tmp_path / "lab"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    up = subprocess.Popen([sys.executable, "-c", _UP, str(state)], env=env, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not _qemus_of(state):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    Lab(state).down()
    _, said = up.communicate(timeout=30)

    assert up.returncode != 0
    assert b"LabDied" in said
    assert _qemus_of(state) == []
    assert not state.exists()


@pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots three machines; `make test-slow` runs it")
def test_two_hosts_without_iommu_come_up_side_by_side(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        first, second = lab.up(gpus=1, hosts=2, iommu=False, memory_mib=2048)
        names = [host.exec(["hostname"]).text().strip() for host in (first, second)]
        ids = {host.exec(["cat", "/etc/machine-id"]).text() for host in (first, second)}
        groups = first.exec(["sh", "-c", "ls /sys/kernel/iommu_groups | wc -l"]).text().strip()
        again = lab.up(gpus=1, hosts=2, iommu=False, memory_mib=2048)
        assert names == ["gpu-host-1", "gpu-host-2"]
        assert len(ids) == 2
        assert groups == "0"
        assert [host._process.pid for host in again] == [first._process.pid, second._process.pid]
    finally:
        lab.down()
    assert _qemus_of(tmp_path) == []
