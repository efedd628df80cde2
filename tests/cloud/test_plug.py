"""Needs the lab and the stock clients: cards and devices that come to a guest that runs, and go again."""

import json
import os

import pytest

from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="takes minutes; `make test-slow` runs it"),
]
BARS = "for d in /sys/bus/pci/devices/*; do echo $(cat $d/vendor $d/device) $(head -n 1 $d/resource); done"


@pytest.fixture(scope="module", autouse=True)
def flavor(user: User) -> None:
    """A flavor whose guests have spare root ports with room for a device."""
    user.run("openstack", "flavor", "create", "m1.plug", "--ram", "256", "--disk", "1", "--vcpus", "1")
    words = ("--property", "busway:hotplug_ports=3", "--property", "busway:hotplug_window=64")
    user.run("openstack", "flavor", "set", "m1.plug", *words)


def bar_of(user: User, ids: str) -> list[str]:
    """Start, end and flags of the first BAR of the guest's device with these ids, [] where it has no such device."""
    lines = [line.split() for line in user.ssh("plug", BARS).splitlines()]
    return next((line[2:] for line in lines if line[:2] == [f"0x{each}" for each in ids.split(":")]), [])


def cards(user: User) -> int:
    return len(user.ssh("plug", "ls /sys/class/net").split())


def device(user: User) -> dict[str, object]:
    return user.device_of("plug")


def status_at(user: User, address: object) -> object:
    return next(each["status"] for each in user.devices() if each["address"] == address)


def test_cards_and_devices_come_to_a_guest_and_go_while_agents_die(user: User) -> None:
    words = ("--image", "new1", "--key-name", "test", "--flavor", "m1.plug", "--wait", "plug")
    user.run("openstack", "server", "create", *words)
    user.console("plug")
    before = cards(user)
    network = json.loads(user.run("openstack", "network", "list", "-f", "json"))[0]["Name"]

    user.run("openstack", "server", "add", "network", "plug", network)
    user.wait_for("a second card in the guest", lambda: cards(user) == before + 1)

    user.busway("server", "attach", "plug", "--alias", "a1")
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host)
    user.wait_for("the device", lambda: device(user)["status"] == "allocated")
    address = device(user)["address"]
    bar = user.wait_for("the device in the guest", lambda: bar_of(user, "1234:1111"))
    driver = user.driver(address)

    user.busway("server", "detach", "plug", "--alias", "a1")
    user.cloud.kill_agent(user.host)
    user.cloud.start_agent(user.host)
    user.wait_for("the device to be free", lambda: status_at(user, address) == "available")

    assert driver == "vfio-pci"
    assert int(bar[1], 0) - int(bar[0], 0) + 1 == 16 << 20 and int(bar[0], 0) > 0
    assert user.driver(address) == "bochs-drm"
    assert bar_of(user, "1234:1111") == []
    assert cards(user) == before + 1
    user.run("openstack", "server", "delete", "--wait", "plug")
