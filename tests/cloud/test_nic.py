"""Needs the lab and the stock clients: a network card of the host becomes a server's port, and the host's again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.bootstrap.lab_cloud import CONFIG, LabCloud
from busway.lab import Lab, PlainReport
from tests.cloud.clients import User

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots a lab host of its own; `make test-slow` runs it"
    ),
]
# The lab host's third interface is the card; QEMU answers at 10.0.4.2 on its wire.
OFFER = 'device_spec = {"devname": "eth2", "physical_network": "wire"}'
NETWORK = ["--provider-network-type", "flat", "--provider-physical-network", "wire"]


@pytest.fixture(autouse=True)
def host_is_up() -> None:
    """The lab host of the other tests is not needed here."""


@pytest.fixture
def wired(guest_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """An admin of a cloud whose only host has a network card to give away."""
    folder = tmp_path_factory.mktemp("nic")
    cloud = LabCloud(folder, Lab(folder / "lab"), CONFIG.replace("[pci]", f"[pci]\n{OFFER}"))
    key = folder / "test"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    try:
        [host] = cloud.lab.up(gpus=1, nic=True, report=PlainReport(sys.stderr))
        cloud.start_control()
        cloud.start_agent(host)
        cloud.wait_for_host(host.name)
        made = User(cloud, host, key)
        words = ["openstack", "image", "create", "new1", "--disk-format", "qcow2", "--container-format", "bare"]
        made.run(*words, "--file", str(guest_image))
        made.run(
            *["openstack", "security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22", "default"]
        )
        made.run("openstack", "keypair", "create", "--public-key", f"{key}.pub", "test")
        made.run(*["openstack", "flavor", "create", "small", "--ram", "256", "--disk", "1", "--vcpus", "1"])
        yield made
    finally:
        cloud.down()


def show(user: User, *what: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(user.run("openstack", *what, "-f", "json"))
    return found


def interface(user: User) -> str:
    return user.host.exec(["sh", "-c", "cat /sys/class/net/eth2/address 2>/dev/null"]).stdout.decode().strip()


def test_a_whole_card_is_a_servers_port_with_its_own_mac_and_goes_back(wired: User) -> None:
    mac = wired.host.machine.mac(2)
    card = next(d for d in wired.devices() if (d["vendor_id"], d["product_id"]) == ("1af4", "1041"))
    wired.run("openstack", "network", "create", *NETWORK, "wire")
    wired.run(
        *["openstack", "subnet", "create", "--network", "wire", "--subnet-range", "10.0.4.0/24", "--no-dhcp", "wire"]
    )
    wired.run("openstack", "port", "create", "--network", "private", "slow-port")
    wired.run(*["openstack", "port", "create", "--network", "wire", "--vnic-type", "direct-physical", "fast-port"])
    before, driver = interface(wired), wired.driver(card["address"])

    create = ["openstack", "server", "create", "--image", "new1", "--flavor", "small", "--key-name", "test"]
    wired.run(*create, "--port", "slow-port", "--port", "fast-port", "--wait", "fast-server")
    listed = "".join(wired.lspci("fast-server"))
    during, port = wired.driver(card["address"]), show(wired, "port", "show", "fast-port")
    look = f"c=$(grep -l {mac} /sys/class/net/*/address | cut -d/ -f5); echo $c; "
    said = wired.ssh("fast-server", f"{look} ip address add 10.0.4.9/24 dev $c; ip link set $c up; ping -c 3 10.0.4.2")
    wired.run("openstack", "server", "delete", "--wait", "fast-server")
    wired.wait_for("the card to be the host's", lambda: interface(wired) == mac)
    after = show(wired, "port", "show", "fast-port")

    assert (before, driver) == (mac, "virtio-pci")
    assert "[1af4:1041]" in listed
    assert (during, port["binding_vif_type"], port["mac_address"]) == ("vfio-pci", "hostdev_physical", mac)
    assert port["binding_profile"]["pci_slot"] == card["address"]  # type: ignore[index]
    assert "ttl=" in said, said
    assert wired.driver(card["address"]) == "virtio-pci"
    assert (after["binding_profile"], after["mac_address"] == mac, after["status"]) == ({}, False, "DOWN")
