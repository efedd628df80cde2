"""A real libvirt, QEMU and kernel limit a guest as its flavor says: cgroups of version 2, QEMU's throttling, tc on bridges, Open vSwitch on OVN's."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.documents import DesiredServer, Nic
from busway.domain.guest_machine import Machine
from busway.domain.guest_machine.limits import CardLimits, DiskLimits, Limits
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import PortId
from busway.hypervisor.adapter import LibvirtHypervisor
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml import domain_xml
from busway.testing.hypervisor_contract import SERVER
from busway.testing.stage import desired_server

URI = os.environ.get("BUSWAY_LIBVIRT_URI", "qemu:///system")
LIMITS = Limits(
    2000,
    50000,
    25000,
    DiskLimits(read_iops_sec=500, write_bytes_sec=10485760),
    CardLimits(1000, 2000, 3000),
    CardLimits(500, burst=600),
)
NAME = f"busway-{SERVER[:8]}"
SWITCH = "unix:/run/openvswitch/db.sock"
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def limited(*nics: Nic) -> DesiredServer:
    server = desired_server(SERVER)
    return replace(server, nics=nics or server.nics, vcpus=1, ram_mb=64, machine=Machine(limits=LIMITS))


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="busway-limits-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def start(folder: Path) -> Iterator[LibvirtHypervisor]:
    said("qemu-img", "create", "-q", "-f", "qcow2", str(folder / "disk.qcow2"), "32M")
    (folder / "config.iso").write_bytes(bytes(4096))
    hypervisor = LibvirtHypervisor(URI)
    yield hypervisor
    hypervisor.destroy(SERVER)
    hypervisor.undefine(SERVER)


def run(hypervisor: LibvirtHypervisor, folder: Path, server: DesiredServer) -> None:
    files = GuestFiles(folder / "disk.qcow2", folder / "config.iso", folder / "console.log")
    hypervisor.define(domain_xml(server, files, GuestOptions(virt_type="qemu", bridges={"default": "br0"})))
    hypervisor.start(SERVER)


def test_cpus_disks_and_cards_on_a_bridge_have_the_limits_that_are_asked_for(
    start: LibvirtHypervisor, folder: Path
) -> None:
    server = limited()
    run(start, folder, server)

    [group] = glob.glob(f"/sys/fs/cgroup/machine/*{NAME}*")  # noqa: PTH207
    assert Path(group, "cpu.weight").read_text().split() == ["2000"]
    [vcpu] = glob.glob(f"{group}/**/vcpu0/cpu.max", recursive=True)  # noqa: PTH207
    assert Path(vcpu).read_text().split() == ["25000", "50000"]
    tune = said("virsh", "-q", "-c", URI, "blkdeviotune", NAME, "vda")
    assert "read_iops_sec  : 500\n" in tune and "write_bytes_sec: 10485760\n" in tune
    tap = server.nics[0].tap
    assert "rate 8Mbit ceil 16Mbit" in said("tc", "class", "show", "dev", tap)
    assert "rate 4Mbit" in said("tc", "filter", "show", "dev", tap, "parent", "ffff:")


@pytest.fixture
def switch(folder: Path) -> Iterator[None]:
    """The kernel's own Open vSwitch, with OVN's bridge and nothing of OVN."""
    if shutil.which("ovs-vswitchd") is None:
        pytest.fail("needs Open vSwitch: apt-get install openvswitch-switch")
    said("modprobe", "openvswitch")
    Path("/run/openvswitch").mkdir(exist_ok=True)
    said("ovsdb-tool", "create", str(folder / "conf.db"), _SCHEMA)
    kept = ["--detach", "--no-chdir", f"--unixctl={folder}/ctl"]
    said("ovsdb-server", *kept, f"--pidfile={folder}/db.pid", f"--remote=p{SWITCH}", str(folder / "conf.db"))
    said("ovs-vsctl", f"--db={SWITCH}", "--no-wait", "init")
    said("ovs-vswitchd", *kept[:2], f"--unixctl={folder}/switch.ctl", f"--pidfile={folder}/switch.pid", SWITCH)
    said("ovs-vsctl", "add-br", "br-int")
    yield
    said("ovs-vsctl", "del-br", "br-int")
    for name in ("switch", "db"):
        os.kill(int((folder / f"{name}.pid").read_text()), 15)


@pytest.mark.usefixtures("switch")
def test_a_card_on_ovn_is_limited_by_open_vswitch(start: LibvirtHypervisor, folder: Path) -> None:
    card = Nic("52:54:00:00:00:02", "10.0.0.6", 24, port=PortId("88888888-0000-4000-8000-000000000001"), driver=OVERLAY)
    run(start, folder, limited(card))

    assert "rate 8Mbit ceil 16Mbit" in said("tc", "class", "show", "dev", card.tap)
    policing = said("ovs-vsctl", "get", "interface", card.tap, "ingress_policing_rate", "ingress_policing_burst")
    assert policing.split() == ["4000", "4800"]
