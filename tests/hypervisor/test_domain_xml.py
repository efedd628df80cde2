import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.console import ConsoleKind
from busway.domain.documents import ConfigDrive, DesiredCell, DesiredRescue, DesiredServer, ImageRef, Nic
from busway.domain.errors import HostError
from busway.domain.grant import Attachment, Grant
from busway.domain.guest_layout import guest_slots
from busway.domain.ids import ClaimId, ImageId, NetworkId, PortId, ServerId, UnitName
from busway.domain.units import Mdev, WholeFunction
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.hypervisor.xml import read_attachments, read_consoles, read_server_id
from busway.testing.golden import Golden

FILES = GuestFiles(Path("/v/s/disk.qcow2"), Path("/v/s/config.iso"), Path("/v/s/console.log"))

BRIDGES = {"default": "br0"}


def server(*addresses: str) -> DesiredServer:
    return DesiredServer(
        id=ServerId("3f2c1d5e-0000-4000-8000-00000000abcd"),
        name='trainer <1> & "co"',
        vcpus=4,
        ram_mb=8192,
        disk_gb=20,
        image=ImageRef(ImageId("i"), "0" * 64, 1, "qcow2"),
        devices=tuple(
            Grant(WholeFunction(PciAddress(address), "10de", "2204"), ClaimId(f"c{number}"))
            for number, address in enumerate(addresses, 1)
        ),
        nics=(
            Nic(
                "52:54:00:12:34:56",
                "192.168.7.20",
                24,
                "192.168.7.1",
                port=PortId("a1b2c3d4-0000-4000-8000-000000000000"),
            ),
        ),
        config_drive=ConfigDrive("{}", "{}"),
    )


def test_a_server_without_devices_under_kvm(golden: Golden) -> None:
    golden.check("plain.xml", domain_xml(server(), FILES, GuestOptions(bridges=BRIDGES)))


def test_a_card_of_two_functions_and_a_vf_on_a_bridge_without_roms(golden: Golden) -> None:
    wanted = server("0000:42:00.0", "0000:42:00.1", "0000:83:00.4", "0001:83:00.5")

    golden.check("devices.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES, rom_bar=False, hugepages=True)))


def rescued(bus: str = "", device: str = "disk") -> str:
    rescue = DesiredRescue(ImageRef(ImageId("r"), "1" * 64, 1, "qcow2"), 2, bus, device)
    wanted = replace(server("0000:42:00.0"), rescue=rescue)
    return domain_xml(wanted, replace(FILES, rescue=Path("/v/s/disk-2.qcow2")), GuestOptions(bridges=BRIDGES))


def test_a_rescue_takes_the_root_disks_place_and_a_stable_one_leaves_all_disks_where_they_are(golden: Golden) -> None:
    golden.check("rescued.xml", rescued())
    golden.check("rescued-usb.xml", rescued("usb"))


@pytest.mark.parametrize(
    ("bus", "device", "name"),
    [("virtio", "disk", "vdc"), ("scsi", "disk", "sda"), ("sata", "cdrom", "sda"), ("usb", "disk", "sda")],
)
def test_a_stable_rescue_boots_from_a_further_disk(bus: str, device: str, name: str) -> None:
    domain = ET.fromstring(rescued(bus, device))
    disks = domain.findall("devices/disk")

    assert [d.find("target").get("dev") for d in disks] == ["vda", "vdb", name]  # type: ignore[union-attr]
    assert (disks[2].get("device"), disks[2].find("boot").get("order")) == (device, "1")  # type: ignore[union-attr]
    assert domain.find("os/boot") is None
    assert (disks[2].find("readonly") is not None) is (device == "cdrom")


def test_a_mediated_device_beside_a_card(golden: Golden) -> None:
    uuid = "aaaaaaaa-0000-4000-8000-000000000001"
    wanted = server("0000:42:00.0")
    grants = (*wanted.devices, Grant(Mdev("0000:84:00.0", "nvidia-35", uuid), ClaimId(uuid), 2))
    xml = domain_xml(replace(wanted, devices=grants), FILES, GuestOptions(bridges=BRIDGES))

    golden.check("mediated.xml", xml)
    assert read_attachments(xml)[-1] == Attachment(UnitName(uuid), ClaimId(uuid))


def test_emulation_where_there_is_no_kvm(golden: Golden) -> None:
    golden.check(
        "emulated.xml", domain_xml(server("0000:41:00.0"), FILES, GuestOptions(virt_type="qemu", bridges=BRIDGES))
    )


def test_a_guest_of_two_cells_lies_on_the_nodes_that_were_chosen(golden: Golden) -> None:
    cells = (DesiredCell(3, 6144, 1, "8-15,24-31"), DesiredCell(1, 2048, 0, "0-7,16-23"))
    wanted = replace(server("0000:41:00.0"), cells=cells)

    golden.check("cells.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES)))
    assert "vcpupin" not in domain_xml(wanted, FILES, GuestOptions(virt_type="qemu", bridges=BRIDGES))


def test_a_running_domain_tells_the_sockets_of_its_consoles() -> None:
    text = domain_xml(server(), FILES, GuestOptions(bridges=BRIDGES))
    running = text.replace('<listen type="socket" />', '<listen type="socket" socket="/run/q/vnc.sock" />')

    assert read_consoles(text) == {ConsoleKind.SERIAL: Path("/v/s/serial.sock")}
    assert read_consoles(running)[ConsoleKind.VNC] == Path("/run/q/vnc.sock")
    assert read_consoles("<domain><devices><serial type='file'/></devices></domain>") == {}


def test_a_domain_tells_its_server_and_devices() -> None:
    text = domain_xml(server("0001:42:00.0", "0000:83:1f.7"), FILES, GuestOptions(bridges=BRIDGES))

    assert read_server_id(text) == "3f2c1d5e-0000-4000-8000-00000000abcd"
    assert read_attachments(text) == (
        Attachment(UnitName("0001:42:00.0"), ClaimId("c1")),
        Attachment(UnitName("0000:83:1f.7"), ClaimId("c2")),
    )


def test_a_foreign_domain_is_nobodys() -> None:
    assert read_server_id("<domain><metadata><x/></metadata></domain>") is None


def test_functions_of_one_card_share_a_guest_slot_and_others_do_not() -> None:
    grants = [
        Grant(WholeFunction(PciAddress(text)))
        for text in ("0000:42:00.1", "0000:41:00.0", "0000:42:00.0", "0000:83:00.1")
    ]

    placed = [(slot.grant.unit.name, slot.port, slot.function, slot.multifunction) for slot in guest_slots(grants)]

    assert placed == [
        ("0000:42:00.0", 1, 0, True),
        ("0000:42:00.1", 1, 1, False),
        ("0000:41:00.0", 2, 0, False),
        ("0000:83:00.1", 3, 0, False),
    ]


def test_a_card_is_plugged_into_the_bridge_of_its_driver() -> None:
    network = NetworkId("99887766-5544-4000-8000-000000000000")
    [nic] = server().nics
    local, tagged = replace(nic, network=network, driver="local"), replace(nic, network=network, vlan=7)

    assert local.bridge({}) == tagged.bridge(BRIDGES) == "bwb99887766554"
    assert nic.bridge(BRIDGES) == "br0"
    assert nic.bridge({}) is tagged.bridge({}) is None
    with pytest.raises(HostError, match="no bridge for physical network default"):
        domain_xml(server(), FILES, GuestOptions())


def test_a_grant_stays_at_its_port_when_those_before_it_have_gone() -> None:
    first, second = (Grant(WholeFunction(PciAddress(f"0000:4{n}:00.0")), port=n) for n in (1, 2))
    new = Grant(WholeFunction(PciAddress("0000:45:00.0")))

    alone = guest_slots([second])
    beside = guest_slots([new, second])

    assert [slot.port for slot in guest_slots([first, second])] == [1, 2]
    assert [slot.port for slot in alone] == [2]
    assert [slot.port for slot in beside] == [1, 2]


def test_a_domain_without_aliases_of_ours_still_tells_its_devices() -> None:
    text = domain_xml(server("0000:41:00.0"), FILES, GuestOptions(bridges=BRIDGES)).replace("ua-c1", "hostdev0")

    assert read_attachments(text) == (Attachment(UnitName("0000:41:00.0")),)
