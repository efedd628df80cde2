"""Needs the lab and the stock clients: the workflow from a flavor to a guest that lists its GPU, and back."""

import json

import pytest

from tests.cloud.clients import User

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_a_guest_boots_with_a_gpu_shows_it_and_gives_it_back(user: User) -> None:
    user.run("nova", "flavor-key", "m1.small", "set", "pci_passthrough:alias=a1:1")
    user.run("nova", "boot", "--image", "new1", "--key-name", "test", "--flavor", "m1.small", "123")
    user.wait_for("server 123 to be ACTIVE", lambda: user.status("123") == "ACTIVE")

    device = user.device_of("123")
    assert device["status"] == "allocated"
    assert user.driver(device["address"]) == "vfio-pci"
    [gpu] = [line for line in user.lspci("123") if "1234:1111" in line]
    assert "[0380]" in gpu
    told = json.loads(user.ssh("123", "cat /mnt/openstack/latest/meta_data.json"))["devices"]
    [mine] = [each for each in told if each["tags"] == ["a1"]]
    assert mine["address"].endswith(gpu.split()[0]), "the guest is told where it finds its GPU"
    [card] = [each for each in told if each["type"] == "nic"]
    assert card["mac"] in user.ssh("123", f"cat /sys/bus/pci/devices/{card['address']}/virtio*/net/*/address")
    assert "1234:1111" in user.ssh("123", "lspci -k -n")
    assert user.ssh("123", "hostname") == "123\n"

    with user.look("123", "novnc") as screen, user.look("123", "serial") as port:
        assert screen.recv(60) == b"RFB 003.008\n"
        user.ssh("123", "echo seen from afar > /dev/console")
        said = b""
        while b"seen from afar" not in said:
            data = port.recv(60)
            assert isinstance(data, bytes)
            said += data
    listening = user.host.exec(["ss", "-Hltn"]).stdout.decode()
    assert not [line for line in listening.splitlines() if ":59" in line], (
        "nothing listens for VNC on the host's network"
    )

    user.run("openstack", "server", "delete", "--wait", "123")
    assert user.driver(device["address"]) == "bochs-drm"
    assert all(found["status"] != "allocated" for found in user.devices())
    history = json.loads(user.busway("device", "show", str(device["id"]), "--json"))["events"]
    mine = [event for event in history if event["server_id"] == device["server_id"]]
    life = [event["new"] for event in mine if "driver" not in event["reason"]]
    assert life == ["claimed", "allocated", "releasing", "available"]
    drivers = [event["new"] for event in mine if "driver" in event["reason"]]
    assert [driver for driver in drivers if driver != "none"] == ["vfio-pci", "bochs-drm"], (
        "none is between two drivers"
    )


def test_a_card_goes_whole_and_the_next_server_for_it_is_told_why(user: User) -> None:
    user.run("openstack", "flavor", "create", "m1.card", "--ram", "256", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.card", "--property", "pci_passthrough:alias=card:1")
    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "m1.card", "--key-name", "test"]
    user.run(*create, "--wait", "whole")
    lines = [line for line in user.lspci("whole") if "[1002:5159]" in line or "[8086:2668]" in line]
    assert [line.split()[0].partition(".")[2] for line in lines] == ["0", "1"], (
        "GPU and audio share a slot in the guest"
    )
    assert len({line.partition(".")[0] for line in lines}) == 1

    card = [device["address"] for device in user.devices() if device["server_name"] == "whole"]
    assert {user.driver(address) for address in card} == {"vfio-pci"}

    user.run(*create, "--wait", "second", fails=True)
    fault = user.run("openstack", "server", "show", "second", "-f", "value", "-c", "fault")
    assert "No valid host was found: 1 host and" in fault
    assert "1 of alias card (1002:5159) wanted, 0 free of 1; 1 belongs to another server" in fault
    assert "What to do: Delete a server that holds such a device" in fault

    user.run("openstack", "server", "delete", "--wait", "whole", "second")
    user.run(*create, "--wait", "third")
    user.run("openstack", "server", "delete", "--wait", "third")
    assert {user.driver(address) for address in card} == {"", "snd_hda_intel"}, "each function has its own driver back"


def test_the_agent_prints_the_hosts_resources(user: User) -> None:
    line = next(line for line in user.cloud.agent_log(user.host).splitlines() if "Final resource view" in line)
    for part in (
        "phys_ram=",
        "used_ram=",
        "phys_disk=",
        "used_disk=",
        "total_vcpus=",
        "used_vcpus=",
        "pci_stats=[",
        "count=",
    ):
        assert part in line
