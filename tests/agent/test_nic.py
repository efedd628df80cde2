"""Ports that are functions of network cards, on a host: taken, written as interfaces, given back; what would harm is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer, Nic
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, NetworkId, PortId
from busway.domain.server import PowerState
from busway.domain.units import NicFunction
from busway.hardware.machine import Machine
from busway.testing.stage import ONE, Stage, desired_server

PF, VF, PLAIN = "0000:81:00.0", "0000:81:00.4", "0000:a1:00.0"
MAC = "fa:16:3e:00:00:01"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A host with a card of two VFs, and a plain card beside it."""
    stage = Stage(tmp_path)
    stage.machine.function(
        PF,
        "8086:1572",
        "020000",
        group=81,
        driver="i40e",
        total_vfs=64,
        files={"net/enp129s0f0/address": "3c:fd:fe:00:00:81"},
    )
    for number in range(2):
        stage.machine.vf(PF, number, "8086:154c", group=90 + number, driver="iavf", class_code="020000")
    stage.machine.function(
        PLAIN, "8086:10d3", "020000", group=161, driver="e1000e", files={"net/enp161s0/address": "52:54:00:00:00:A1"}
    )
    return stage


def wanted(unit: NicFunction) -> DesiredServer:
    nic = Nic(
        unit.mac,
        "192.0.2.10",
        24,
        port=PortId("p"),
        network=NetworkId("n"),
        physical="physnet1",
        vlan=100,
        vnic=unit.vnic,
    )
    return replace(desired_server(ONE), devices=(Grant(unit, ClaimId("c-nic"), 1),), nics=(nic,))


def vf() -> NicFunction:
    return NicFunction(PciAddress(VF), "8086", "154c", mac=MAC, vlan=100)


def whole() -> NicFunction:
    return NicFunction(PciAddress(PLAIN), "8086", "10d3", vnic="direct-physical", mac="52:54:00:00:00:a1")


def fault(stage: Stage) -> str:
    [seen] = stage.link.last.servers
    return seen.fault.code if seen.fault else ""


@pytest.mark.parametrize(("unit", "driver"), [(vf(), "iavf"), (whole(), "e1000e")], ids=["direct", "direct-physical"])
def test_a_guest_gets_the_function_and_the_host_gets_it_back(stage: Stage, unit: NicFunction, driver: str) -> None:
    agent = stage.agent()
    stage.desire(wanted(unit))
    stage.settle(agent)
    [running], [held] = stage.link.last.servers, stage.link.last.held
    during = stage.driver(unit.address)
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert (running.power, running.fault, running.devices) == (PowerState.RUNNING, None, (unit.name,))
    assert (held.unit, held.claim_id, held.before) == (unit, "c-nic", driver)
    assert (during, stage.driver(unit.address)) == ("vfio-pci", driver)
    assert (stage.link.last.held, stage.link.last.servers) == ((), ())


def test_the_agent_says_that_it_serves_ports_of_cards_and_tells_of_interfaces(stage: Stage) -> None:
    stage.settle(stage.agent())

    told = {str(device.address): device for device in stage.link.last.inventory}
    assert "nic" in stage.link.last.resources.kinds
    assert (told[PF].netdev, told[PF].mac, told[PF].uplink) == ("enp129s0f0", "3c:fd:fe:00:00:81", "")
    assert (told[VF].netdev, told[VF].mac, told[VF].uplink) == ("", "", "enp129s0f0")
    assert (told[PLAIN].netdev, told[PLAIN].mac) == ("enp161s0", "52:54:00:00:00:a1")


def test_a_card_that_the_host_uses_is_not_taken(stage: Stage) -> None:
    stage.machine.write("proc/net/route", "Iface\tDestination\tGateway\nenp161s0\t00000000\t0101A8C0\n")
    stage.desire(wanted(whole()))

    stage.settle(stage.agent())

    assert (fault(stage), stage.driver(PciAddress(PLAIN)), stage.link.last.held) == ("nic-in-use", "e1000e", ())


def test_a_card_that_is_a_part_of_a_bridge_is_not_taken(stage: Stage) -> None:
    (stage.machine.folder(PLAIN) / "net/enp161s0/master").symlink_to("../../../../virtual/net/br0")
    stage.desire(wanted(whole()))

    stage.settle(stage.agent())

    assert (fault(stage), stage.driver(PciAddress(PLAIN))) == ("nic-in-use", "e1000e")


def test_a_vf_whose_pf_has_no_interface_is_not_taken(stage: Stage) -> None:
    folder = stage.machine.folder(PF) / "net/enp129s0f0"
    (folder / "address").unlink()
    folder.rmdir()
    stage.desire(wanted(vf()))

    stage.settle(stage.agent())

    assert (fault(stage), stage.driver(PciAddress(VF))) == ("nic-no-uplink", "iavf")


def test_what_is_no_vf_any_more_is_not_taken_for_one(stage: Stage) -> None:
    stage.desire(wanted(replace(whole(), vnic="direct")))

    stage.settle(stage.agent())

    assert fault(stage) == "nic-not-virtual"


def test_the_interface_of_a_virtio_card_is_below_its_virtio_device(stage: Stage) -> None:
    files = {"virtio3/net/eth2/address": "52:54:00:b5:01:02"}
    stage.machine.function("0000:46:00.0", "1af4:1041", "020000", group=46, driver="virtio-pci", files=files)

    found = Machine.read(stage.root).find(PciAddress("0000:46:00.0"))

    assert found is not None
    assert (found.netdev, found.mac) == ("eth2", "52:54:00:b5:01:02")


def test_a_card_without_an_interface_has_none(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)

    found = Machine.read(stage.root).find(gpu)

    assert found is not None
    assert (found.netdev, found.mac, found.uplink) == ("", "", "")
