"""Needs the lab and the stock clients: a guest's own agent and a stand-in nvidia-smi in it; the labels are held against libvirt's XML."""

import io
import os
import re
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from busway.lab.cache import Cache, default_cache
from busway.lab.package import unpacked
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots two guests; `make test-slow` runs it"),
]
PORT = 9835
PACKAGES = ["qemu-guest-agent", "libglib2.0-0", "libpcre2-8-0", "libnuma1", "liburing2", "libudev1", "libgcc-s1"]
_LIBRARY = re.compile(r".*/lib(glib-2\.0|gmodule-2\.0|pcre2-8|numa|uring|udev|gcc_s)\.so\.[0-9]+")
# It prints what nvidia-smi prints for the columns that are asked for; the last line is of no device of its guest.
STAND_IN = b"""#!/bin/sh
number=0
for gpu in $(lspci -D -n -d 1234:1111 | cut -d" " -f1); do
    number=$((number + 1))
    echo "GPU-$(cat /proc/sys/kernel/hostname)-$number, 0000$gpu, 3$number, 1024, 81559, 51, 88.5"
done
echo "GPU-of-another, 00000000:7f:00.0, 99, 1024, 81559, 51, 88.5"
"""
START = (
    "tar x -C / && modprobe virtio_console && cd /run && for port in /dev/vport*; do "
    "LD_LIBRARY_PATH=/opt/agent /opt/agent/qemu-ga -d -m virtio-serial -p $port -t /run -f /run/ga.pid; done"
)
CREATE = ("openstack", "server", "create", "--image", "new1", "--key-name", "test")


@pytest.fixture
def asking(user: User) -> Iterator[User]:
    """The host's agent asks guests and serves metrics; images say that their guests have an agent."""
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host, options=["--guest-gpus", "--metrics", f"127.0.0.1:{PORT}"])
    user.run("openstack", "image", "set", "--property", "hw_qemu_guest_agent=yes", "new1")
    yield user
    user.run("openstack", "image", "unset", "--property", "hw_qemu_guest_agent", "new1")
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host)


def guest_agent() -> bytes:
    """Debian's qemu-guest-agent with its libraries, and the stand-in, as a tar archive."""
    tree = unpacked(Cache(default_cache()), "guest-agent", PACKAGES)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.add(tree / "usr/sbin/qemu-ga", "opt/agent/qemu-ga")
        for found in sorted(each for each in tree.rglob("*.so.*") if _LIBRARY.fullmatch(str(each))):
            archive.add(found.resolve(), f"opt/agent/{found.name}")
        entry = tarfile.TarInfo("usr/bin/nvidia-smi")
        entry.mode, entry.size = 0o755, len(STAND_IN)
        archive.addfile(entry, io.BytesIO(STAND_IN))
    return made.getvalue()


def built(user: User, name: str) -> str:
    status = user.status(name)
    return "" if status == "BUILD" else status


def metrics(user: User) -> str:
    read = (
        f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{PORT}/metrics', timeout=20).read().decode())"
    )
    return user.host.exec([sys.executable, "-c", read]).stdout.decode()


def labels(text: str, metric: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line.startswith(metric + "{")]
    return [dict(re.findall(r'(\w+)="([^"]*)"', line)) | {"value": line.split()[-1]} for line in lines]


def address(element: ET.Element) -> str:
    domain, bus, slot, function = (int(element.attrib[part], 16) for part in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def in_xml(user: User) -> set[tuple[str, str, str]]:
    """Server, address on the host and address in the guest of each device that libvirt passes through."""
    found = set()
    for uuid in user.host.exec(["virsh", "list", "--uuid"]).stdout.decode().split():
        domain = ET.fromstring(user.host.exec(["virsh", "dumpxml", uuid]).stdout.decode())
        for each in domain.iterfind("devices/hostdev"):
            source, placed = each.find("source/address"), each.find("address")
            assert source is not None and placed is not None
            found.add((uuid, address(source), address(placed)))
    return found


def test_one_exporter_serves_all_guests_with_the_labels_of_libvirt_s_xml(asking: User, tmp_path: Path) -> None:
    user = asking
    for name, count in (("pair", 2), ("solo", 1)):
        user.run("openstack", "flavor", "create", f"m1.{name}", "--ram", "256", "--disk", "1", "--vcpus", "1")
        user.run("openstack", "flavor", "set", f"m1.{name}", "--property", f"pci_passthrough:alias=a1:{count}")
        user.run(*CREATE, "--flavor", f"m1.{name}", name)
        ended = user.wait_for(f"{name} to be built", partial(built, user, name))
        assert ended == "ACTIVE", user.busway("server", "why", name)
        user.console(name)
        user.ssh(name, START, data=guest_agent())
    try:
        text = user.wait_for(
            "both guests to tell their GPUs",
            lambda: t if len(labels(t := metrics(user), "busway_guest_gpu_utilization_ratio")) == 3 else "",
        )
        told = labels(text, "busway_guest_gpu_utilization_ratio")
        expected = in_xml(user)
        servers = {str(each["server_id"]): str(each["server_name"]) for each in user.devices() if each["server_id"]}
        projects = {each["project_id"] for each in user.devices() if each["server_id"]}

        assert {(each["server"], each["device"], each["guest_device"]) for each in told} == expected
        assert len(expected) == 3
        assert sorted(each["uuid"] for each in told) == ["GPU-pair-1", "GPU-pair-2", "GPU-solo-1"]
        assert all(each["uuid"].startswith(f"GPU-{servers[each['server']]}-") for each in told)
        assert {each["project"] for each in told} == projects
        assert sorted(float(each["value"]) for each in told) == pytest.approx([0.31, 0.31, 0.32])
        assert "GPU-of-another" not in text
        assert {each["value"] for each in labels(text, "busway_guest_gpu_answers")} == {"1.0"}
    finally:
        user.run("openstack", "server", "delete", "--wait", "pair", "solo")
