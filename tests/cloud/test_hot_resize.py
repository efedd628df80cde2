"""Needs the lab and the stock clients: a guest gets a second GPU by a resize while it runs; a revert takes it out, a confirm keeps it."""

import os

import pytest

from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it"),
]
BARS = "for d in /sys/bus/pci/devices/*; do echo $(cat $d/vendor $d/device) $(head -n 1 $d/resource); done"
GPU = ["0x1234", "0x1111"]
BAR = 16 << 20


@pytest.fixture(scope="module", autouse=True)
def flavors(user: User) -> None:
    for name, specs in (("hot.one", ()), ("hot.two", ("busway:hot_resize=true",))):
        user.run("openstack", "flavor", "create", name, "--ram", "256", "--disk", "1", "--vcpus", "1")
        every = (f"pci_passthrough:alias=a1:{1 + len(specs)}", "busway:hotplug_window=64", *specs)
        user.run("openstack", "flavor", "set", name, *(word for spec in every for word in ("--property", spec)))


def bars(user: User) -> list[int]:
    """The size of the first BAR of each GPU as the guest has it, 0 for one that has no place."""
    lines = [line.split() for line in user.ssh("hot", BARS).splitlines()]
    found = [(int(line[2], 0), int(line[3], 0)) for line in lines if line[:2] == GPU]
    return [end - start + 1 if start else 0 for start, end in found]


def boot(user: User) -> tuple[str, float]:
    """The id of the guest's boot, new with each, and its uptime in seconds."""
    uuid, uptime = user.ssh("hot", "cat /proc/sys/kernel/random/boot_id /proc/uptime").split()[:2]
    return uuid, float(uptime)


def claimed(user: User) -> list[str]:
    return sorted(str(each["address"]) for each in user.devices() if each["server_name"] == "hot")


def resize(user: User) -> None:
    user.run("openstack", "server", "resize", "--flavor", "hot.two", "hot")
    user.wait_for("the size", lambda: user.status("hot") == "VERIFY_RESIZE")
    user.wait_for("both GPUs in the guest", lambda: bars(user) == [BAR, BAR])


def test_a_running_guest_gets_a_gpu_loses_it_by_a_revert_and_keeps_it_by_a_confirm(user: User) -> None:
    words = ("--image", "new1", "--key-name", "test", "--flavor", "hot.one", "--wait", "hot")
    user.run("openstack", "server", "create", *words)
    user.console("hot")  # ssh lets in once the guest is ready
    [first] = claimed(user)
    uuid, before = boot(user)
    assert bars(user) == [BAR]

    resize(user)
    both = claimed(user)
    user.run("openstack", "server", "resize", "revert", "hot")
    user.wait_for("the old size", lambda: user.status("hot") == "ACTIVE")
    user.wait_for("the device to be free", lambda: claimed(user) == [first])
    [second] = [address for address in both if address != first]
    assert bars(user) == [BAR]
    assert (user.driver(first), user.driver(second)) == ("vfio-pci", "bochs-drm")

    resize(user)
    user.run("openstack", "server", "resize", "confirm", "hot")
    user.wait_for("the end", lambda: user.status("hot") == "ACTIVE")
    assert bars(user) == [BAR, BAR]
    assert [user.driver(address) for address in claimed(user)] == ["vfio-pci", "vfio-pci"]
    again, after = boot(user)
    assert (again, after > before) == (uuid, True), "the guest was started anew"
    user.run("openstack", "server", "delete", "--wait", "hot")
