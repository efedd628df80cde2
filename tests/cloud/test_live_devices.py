"""Needs the lab, two hosts of it, and the stock clients: a guest with a GPU goes from one host to the other and back while it runs."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.bootstrap.lab_cloud import CONFIG, OUTSIDE, LabCloud
from busway.lab import Lab, LabHost, PlainReport
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots two hosts; `make test-slow` runs it"),
]
PORT = 16514
BARS = "for d in /sys/bus/pci/devices/*; do echo $(cat $d/vendor $d/device) $(head -n 1 $d/resource); done"
GPU = ["0x1234", "0x1111"]
PLACE = "bs=512 seek=1000000 conv=notrunc"  # behind the partition that the guest boots from


class Two:
    """A cloud with two lab hosts, each of which reaches the other by a port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder / "lab")
        self.cloud = LabCloud(folder / "cloud", self.lab, "[DEFAULT]\nram_allocation_ratio = 8\n\n" + CONFIG)
        self.hosts = self.lab.up(gpus=1, hosts=2, memory_mib=2048, report=PlainReport(sys.stderr))
        self.cloud.start_control()
        for host in self.hosts:
            self.start_agent(host)
        for host in self.hosts:
            self.cloud.wait_for_host(host.name)
        self.key = folder / "test"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True, timeout=30)
        self.user = User(self.cloud, self.hosts[0], self.key)

    def start_agent(self, host: LabHost) -> None:
        address = f"10.0.2.{14 + int(host.name.rpartition('-')[2])}"
        outer = host.forward(address, PORT)
        words = ("--live-listen", f"{address}:{PORT}", "--live-address", f"{OUTSIDE}:{outer}")
        self.cloud.start_agent(host, options=words)

    def down(self) -> None:
        if os.environ.get("BUSWAY_SHOW_LOGS"):
            for host in self.hosts:
                print(self.cloud.agent_log(host), file=sys.stderr)
        self.cloud.kill_control()
        self.lab.down()


@pytest.fixture(scope="module")
def two(guest_image: Path) -> Iterator[Two]:
    with tempfile.TemporaryDirectory(prefix="two-", ignore_cleanup_errors=True) as folder:
        made = Two(Path(folder))
        user = made.user
        try:
            image = ("--disk-format", "qcow2", "--container-format", "bare", "--file", str(guest_image))
            user.run("openstack", "image", "create", "new1", *image)
            let_in = ("--protocol", "tcp", "--dst-port", "22", "default")
            user.run("openstack", "security", "group", "rule", "create", *let_in)
            user.run("openstack", "keypair", "create", "--public-key", f"{made.key}.pub", "test")
            user.run("openstack", "flavor", "create", "gpu", "--ram", "192", "--disk", "1", "--vcpus", "1")
            specs = ("pci_passthrough:alias=a1:1", "busway:live_unplug=true", "busway:hotplug_window=64")
            user.run("openstack", "flavor", "set", "gpu", *(word for spec in specs for word in ("--property", spec)))
            yield made
        finally:
            made.down()


@pytest.fixture(autouse=True)
def host_is_up() -> None:
    """The two hosts are this test's own: it needs no third one, which would take its processors."""


def bar(user: User) -> int:
    """The size of the first BAR of the GPU as the guest has it, 0 where it has no GPU or the BAR no place."""
    lines = [line.split() for line in user.ssh("trainer", BARS).splitlines()]
    found = next((line[2:4] for line in lines if line[:2] == GPU), ["0", "0"])
    start, end = (int(each, 0) for each in found)
    return end - start + 1 if start else 0


def owner(two: Two) -> tuple[str, str]:
    """The host of the one device that the server has a claim on, and the driver of the device there."""
    found = [each for each in two.user.devices() if each["server_name"] == "trainer"]
    assert len(found) == 1, found
    host = next(each for each in two.hosts if each.name == found[0]["host"])
    link = host.exec(["readlink", f"/sys/bus/pci/devices/{found[0]['address']}/driver"]).stdout.decode()
    return host.name, link.strip().rpartition("/")[2]


def settled(two: Two) -> None:
    user = two.user
    user.wait_for("the end of the migration", lambda: user.status("trainer") == "ACTIVE", 500)
    user.wait_for("one claim", lambda: sum(each["server_name"] == "trainer" for each in user.devices()) == 1)


def uptime(user: User) -> float:
    return float(user.ssh("trainer", "cat /proc/uptime").split()[0])


def test_a_guest_with_a_gpu_goes_over_and_back_and_has_a_gpu_on_each_host(two: Two) -> None:
    user, (first, second) = two.user, two.hosts
    words = ("--image", "new1", "--key-name", "test", "--flavor", "gpu", "--availability-zone", f"nova:{first.name}")
    user.run("openstack", "server", "create", *words, "--wait", "trainer")
    user.console("trainer")
    user.ssh("trainer", f"echo kept | dd of=/dev/vda {PLACE} && sync")
    assert bar(user) == 16 << 20
    before, began = uptime(user), time.monotonic()

    user.run("openstack", "server", "migrate", "--live-migration", "trainer")
    settled(two)
    print(f"over after {time.monotonic() - began:.0f} s", file=sys.stderr)
    assert owner(two) == (second.name, "vfio-pci")
    user.host = second
    user.wait_for("the GPU in the guest", lambda: bar(user) == 16 << 20)
    assert uptime(user) > before
    said = user.ssh("trainer", "dd if=/dev/vda bs=512 skip=1000000 count=1 2>/dev/null | tr -d '\\0'")
    assert said.strip() == "kept"
    why = user.busway("server", "why", "trainer")
    paused = re.search(r"stood still for (\d+) ms", why)
    assert paused, why
    print(f"the guest stood still for {paused[1]} ms", file=sys.stderr)
    user.wait_for("the first GPU to be free", lambda: {"available"} <= {str(d["status"]) for d in user.devices()})

    user.run("openstack", "server", "migrate", "--live-migration", "trainer")
    user.wait_for("the guest without a GPU", lambda: not attached(second))
    two.cloud.kill_agent(second)
    two.cloud.kill_agent(first)
    for host in two.hosts:
        two.start_agent(host)
    settled(two)
    name, driver = owner(two)
    user.host = next(each for each in two.hosts if each.name == name)
    assert driver == "vfio-pci"
    user.wait_for("the GPU in the guest", lambda: bar(user) == 16 << 20)
    assert uptime(user) > before
    user.run("openstack", "server", "delete", "--wait", "trainer")
    user.wait_for("free devices", lambda: all(each["server_name"] is None for each in user.devices()))


def attached(host: LabHost) -> bool:
    """Whether a guest of a host has a device of it."""
    script = "for n in $(virsh list --name); do virsh dumpxml $n; done"
    return b"<hostdev" in host.exec(["sh", "-c", script]).stdout
