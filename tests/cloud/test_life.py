"""Needs the lab and the stock clients: guests that are held and go on, with QEMU's own memory and a GPU's driver."""

import os

import pytest

from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it"),
]
CREATE = ("openstack", "server", "create", "--image", "new1", "--key-name", "test")
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module", autouse=True)
def sizes(user: User) -> None:
    """A flavor with a GPU, and the same without."""
    for name in ("m1.held", "m1.kept"):
        user.run("openstack", "flavor", "create", name, "--ram", "256", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.held", "--property", "pci_passthrough:alias=a1:1")


def wait_until(user: User, server: str, status: str) -> None:
    user.wait_for(f"{server} to be {status}", lambda: user.status(server) == status)


def cpu_seconds(user: User) -> float:
    """What the vCPU threads of all QEMU processes have used."""
    said = user.host.exec(["sh", "-c", "cat /proc/[0-9]*/task/*/stat 2>/dev/null | grep '(CPU '"]).stdout.decode()
    return sum(int(line.rpartition(")")[2].split()[11]) for line in said.splitlines()) / 100


def test_a_guest_with_a_gpu_is_paused_and_goes_on_with_it(user: User) -> None:
    user.run(*CREATE, "--flavor", "m1.held", "--wait", "held")
    user.console("held")
    boot = user.ssh("held", BOOT_ID)

    user.run("openstack", "server", "pause", "held")
    wait_until(user, "held", "PAUSED")
    before = cpu_seconds(user)
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host)
    device = user.device_of("held")
    stood_still = cpu_seconds(user) - before
    refused = user.run("openstack", "server", "suspend", "held", fails=True)
    user.run("openstack", "server", "unpause", "held")
    wait_until(user, "held", "ACTIVE")

    assert stood_still < 0.5
    assert (device["status"], user.driver(device["address"])) == ("allocated", "vfio-pci")
    assert "PAUSED" in refused
    assert user.ssh("held", BOOT_ID) == boot
    assert "1234:1111" in user.ssh("held", "lspci -n")
    refused = user.run("openstack", "server", "suspend", "held", fails=True)
    assert "can't be saved" in refused and "a1" in refused
    user.run("openstack", "server", "delete", "--wait", "held")


def test_a_guest_is_suspended_and_goes_on_from_its_memory(user: User) -> None:
    user.run(*CREATE, "--flavor", "m1.kept", "--wait", "kept")
    user.console("kept")
    boot = user.ssh("kept", BOOT_ID)
    user.ssh("kept", "mkdir -p /run/memory && mount -t tmpfs none /run/memory && echo kept > /run/memory/word")

    user.run("openstack", "server", "suspend", "kept")
    wait_until(user, "kept", "SUSPENDED")
    saved = user.host.exec(["sh", "-c", "ls /var/lib/libvirt/qemu/save"]).stdout.decode()
    running = user.host.exec(["virsh", "list", "--name"]).stdout.decode().split()
    user.run("openstack", "server", "resume", "kept")
    wait_until(user, "kept", "ACTIVE")

    assert saved.count(".save") == 1 and running == []
    assert user.ssh("kept", f"{BOOT_ID}; cat /run/memory/word") == f"{boot}kept\n"
    assert user.host.exec(["sh", "-c", "ls /var/lib/libvirt/qemu/save"]).stdout.decode() == ""
    user.run("openstack", "server", "delete", "--wait", "kept")


def test_a_rescue_boots_another_disk_with_the_servers_own_as_the_second_and_its_gpu(user: User) -> None:
    user.run(*CREATE, "--flavor", "m1.held", "--wait", "broken")
    user.console("broken")
    size = user.ssh("broken", "cat /sys/block/vda/size")
    user.ssh("broken", "echo mine > /dev/vda")  # what is on its disk is its user's; nobody boots from it again

    user.run("openstack", "server", "rescue", "--password", "word", "broken")
    wait_until(user, "broken", "RESCUE")
    user.console("broken")
    found = user.ssh("broken", "head -c 4 /dev/vdb; cat /sys/block/vdb/size; lspci -n")
    told = user.ssh("broken", "cat /mnt/openstack/latest/meta_data.json")
    user.run("openstack", "server", "delete", "--wait", "broken")

    assert found.startswith(f"mine{size}") and "1234:1111" in found
    assert '"admin_pass": "word"' in told
