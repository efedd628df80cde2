"""Needs the lab: what a guest wrote on its disk is there after a resize in place and after unshelving, and its GPU too."""

import os

import pytest

from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots three guests; `make test-slow` runs it"),
]
PLACE = "bs=512 seek=1000000 conv=notrunc"  # behind the partition that the guest boots from


def test_a_disk_survives_a_resize_and_a_shelving_and_is_new_after_a_rebuild(user: User) -> None:
    for name, ram in (("m1.less", 192), ("m1.more", 256)):
        user.run("openstack", "flavor", "create", name, "--ram", str(ram), "--disk", "1", "--vcpus", "1")
        user.run("openstack", "flavor", "set", name, "--property", "pci_passthrough:alias=a1:1")
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.less", "--key-name", "test"]
    user.run(*create, "--wait", "mover")
    user.console("mover")
    user.ssh("mover", f"echo kept | dd of=/dev/vda {PLACE} && sync")

    user.run("openstack", "server", "resize", "--flavor", "m1.more", "mover")
    user.wait_for("the resize", lambda: user.status("mover") == "VERIFY_RESIZE")
    user.run("openstack", "server", "resize", "confirm", "mover")
    assert user.driver(user.device_of("mover")["address"]) == "vfio-pci"
    assert [disk for disk in disks(user) if "disk" in disk] == ["disk-2.qcow2", "disk.qcow2"]

    user.run("openstack", "server", "shelve", "mover")
    user.wait_for("the shelving", lambda: user.status("mover") == "SHELVED_OFFLOADED")
    user.wait_for("the device to be free", lambda: "allocated" not in {found["status"] for found in user.devices()})
    user.run("openstack", "server", "unshelve", "mover")
    user.wait_for("the server to run", lambda: user.status("mover") == "ACTIVE")
    user.console("mover")
    assert read_back(user) == "kept"
    assert "1234:1111" in user.ssh("mover", "lspci -n")

    user.run("openstack", "server", "rebuild", "--image", "new1", "mover")
    user.wait_for("the server to run", lambda: user.status("mover") == "ACTIVE")
    user.wait_for("the guest to answer", lambda: "busway-guest ready" in user.console("mover"))
    assert read_back(user) != "kept"
    user.run("openstack", "server", "delete", "--wait", "mover")


def read_back(user: User) -> str:
    return user.ssh("mover", "dd if=/dev/vda bs=512 skip=1000000 count=1 2>/dev/null | tr -d '\\0'").strip()


def disks(user: User) -> list[str]:
    found = user.host.exec(["sh", "-c", "cd /var/lib/busway/agent/servers/* && ls"]).stdout.decode().split()
    return sorted(found)
