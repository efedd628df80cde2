import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.dedicated_cpus import SHARED, CpuSets
from busway.domain.disk_role import DiskRole
from busway.domain.documents import ConfigDrive, DesiredCell, DesiredRescue, DesiredServer, ImageRef, Nic
from busway.domain.errors import HostError
from busway.domain.grant import Attachment, Grant
from busway.domain.guest_layout import guest_slots
from busway.domain.guest_machine import Machine
from busway.domain.ids import ClaimId, ImageId, NetworkId, PortId, ServerId, UnitName
from busway.domain.units import Mdev, NicFunction, RenderShare, WholeFunction
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.hypervisor.guest import SpiceOptions
from busway.hypervisor.xml import (
    card_xml,
    device_xml,
    find_device,
    read_attachments,
    read_cards,
    read_consoles,
    read_server_id,
    read_spice,
)
from busway.testing.golden import Golden

FILES = GuestFiles(Path("/v/s/disk.qcow2"), Path("/v/s/config.iso"), Path("/v/s/console.log"))

BRIDGES = {"default": "br0"}
WITH_EXTRAS = replace(FILES, extras={role: Path(f"/v/s/{role}.qcow2") for role in DiskRole})


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


def test_a_server_without_a_config_drive_has_its_own_disk_alone() -> None:
    wanted = replace(server(), has_drive=False)

    files = [
        each.get("file")
        for each in ET.fromstring(domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES))).iter("source")
    ]

    assert not [file for file in files if file and "config" in file]


def test_a_card_of_two_functions_and_a_vf_on_a_bridge_without_roms(golden: Golden) -> None:
    wanted = server("0000:42:00.0", "0000:42:00.1", "0000:83:00.4", "0001:83:00.5")

    golden.check("devices.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES, rom_bar=False, hugepages=True)))


def test_spare_root_ports_keep_room_for_what_is_plugged_in(golden: Golden) -> None:
    wanted = replace(server("0000:42:00.0"), spare_ports=2, hotplug_window_mb=131_072)

    golden.check("spare.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES)))


def test_what_is_plugged_in_has_the_place_that_its_definition_gives_it() -> None:
    """Nothing else moves, and what went leaves its place to others."""
    before = replace(server("0000:42:00.0"), spare_ports=2)
    nic = replace(before.nics[0], root_port=2)
    grants = (replace(before.devices[0], port=1), Grant(WholeFunction(PciAddress("0000:43:00.0")), ClaimId("c9"), 4))
    second = replace(nic, mac="52:54:00:12:34:57", port=PortId("b1b2c3d4"), root_port=3)
    after = replace(before, devices=grants, nics=(nic, second), root_ports=2)
    options = GuestOptions(bridges=BRIDGES)

    def buses(xml: str) -> dict[str, str]:
        devices = ET.fromstring(xml).find("devices")
        assert devices is not None
        found = (each for each in devices if each.tag in ("interface", "hostdev"))
        return {ET.tostring(each[0], encoding="unicode").strip(): each.find("address").get("bus", "") for each in found}  # type: ignore[union-attr]

    old, new = buses(domain_xml(before, FILES, options)), buses(domain_xml(after, FILES, options))
    assert {key: new[key] for key in old} == old
    assert sorted(new.values()) == ["0x01", "0x02", "0x03", "0x04"]
    assert "bus='0x04'" in device_xml(after, grants[1], options).replace('"', "'")
    assert "bus='0x03'" in card_xml(after, second, options).replace('"', "'")


def test_nothing_of_libvirt_s_choosing_takes_a_spare_root_port() -> None:
    """A PCI device without an address goes behind the first root port that is free."""
    machine = Machine(guest_agent=True, ephemeral_gb=1, swap_mb=64)
    for bus in ("virtio", "scsi"):
        wanted = replace(server(), spare_ports=2, machine=replace(machine, disk_bus=bus))
        devices = ET.fromstring(domain_xml(wanted, WITH_EXTRAS, GuestOptions(bridges=BRIDGES))).find("devices")
        assert devices is not None
        on_pci = [
            each
            for each in devices
            if each.tag in ("interface", "rng") or each.get("type") in ("scsi", "virtio-serial")
        ]
        on_pci += devices.findall("input[@bus='virtio']")
        on_pci += [each for each in devices.iterfind("disk") if each.find("target").get("bus") == "virtio"]  # type: ignore[union-attr]
        buses = [each.find("address").get("bus") for each in on_pci]  # type: ignore[union-attr]
        ports = [each.get("index") for each in devices.iterfind("controller[@model='pcie-root-port']")]

        assert len(set(buses)) == len(on_pci) > 3
        assert not {"0x02", "0x03"} & set(buses)
        assert ports == [str(number) for number in range(1, len(on_pci) + 3)]


def test_a_device_is_found_in_a_running_definition_by_its_name() -> None:
    xml = domain_xml(server("0000:42:00.0", "0000:43:00.0"), FILES, GuestOptions(bridges=BRIDGES))

    card, gpu = find_device(xml, "52:54:00:12:34:56"), find_device(xml, "0000:43:00.0")

    assert card is not None and card.startswith("<interface")
    assert gpu is not None and 'bus="0x43"' in gpu
    assert find_device(xml, "0000:44:00.0") is None
    assert read_cards(xml) == ("52:54:00:12:34:56",)


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


def test_a_guest_whose_display_is_drawn_by_a_render_node_of_its_host(golden: Golden) -> None:
    """No port listens for it: VNC stays on its socket, and what it shows is read back from the node."""
    wanted = server("0000:42:00.0")
    share = RenderShare("pci-0000:03:00.0", "aaaaaaaa-0000-4000-8000-000000000001")
    grants = (*wanted.devices, Grant(share, ClaimId(share.share)))

    xml = domain_xml(replace(wanted, devices=grants), FILES, GuestOptions(bridges=BRIDGES))

    golden.check("virgl.xml", xml)
    assert [each.name for each in read_attachments(xml)] == ["0000:42:00.0"]


def test_ports_that_are_a_vf_and_a_whole_network_card_beside_one_on_a_bridge(golden: Golden) -> None:
    wanted = server()
    vf = NicFunction(PciAddress("0000:81:02.0"), "8086", "154c", mac="fa:16:3e:00:00:81", vlan=100)
    whole = NicFunction(PciAddress("0000:a1:00.0"), "8086", "10d3", vnic="direct-physical", mac="52:54:00:00:00:a1")
    cards = [
        Nic(vf.mac, "192.0.2.10", 24, port=PortId("p1"), physical="physnet1", vlan=100, vnic=vf.vnic),
        Nic(whole.mac, "192.0.2.11", 24, port=PortId("p2"), physical="physnet2", vnic=whole.vnic),
    ]
    grants = (Grant(vf, ClaimId("c1"), 1), Grant(whole, ClaimId("c2"), 2))
    wanted = replace(wanted, devices=grants, nics=(*cards, *wanted.nics))

    xml = domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES, rom_bar=False))

    golden.check("network-cards.xml", xml)
    assert read_attachments(xml) == (Attachment(vf.name, ClaimId("c1")), Attachment(whole.name, ClaimId("c2")))


def test_emulation_where_there_is_no_kvm(golden: Golden) -> None:
    golden.check(
        "emulated.xml", domain_xml(server("0000:41:00.0"), FILES, GuestOptions(virt_type="qemu", bridges=BRIDGES))
    )


def test_a_guest_of_two_cells_lies_on_the_nodes_that_were_chosen(golden: Golden) -> None:
    cells = (DesiredCell(3, 6144, 1, "8-15,24-31"), DesiredCell(1, 2048, 0, "0-7,16-23"))
    wanted = replace(server("0000:41:00.0"), cells=cells)

    golden.check("cells.xml", domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES)))


def test_a_guest_with_cpus_of_its_own_runs_on_these_alone_whatever_runs_it(golden: Golden) -> None:
    cells = (DesiredCell(2, 4096, 1, "8-11", (12, 28)), DesiredCell(2, 4096, 0, "0-3", (4, 20)))
    wanted = replace(server("0000:41:00.0"), cells=cells)
    options = GuestOptions(bridges=BRIDGES, cpus=CpuSets(frozenset(range(4, 8)), frozenset({0, 1, 2, 3, 8})))

    golden.check("dedicated.xml", domain_xml(wanted, FILES, options))
    emulated = domain_xml(wanted, FILES, replace(options, virt_type="qemu"))
    assert emulated.count("<vcpupin") == 4 and '<emulatorpin cpuset="4,12,20,28" />' in emulated


def test_a_mixed_guest_floats_on_its_node_with_some_vcpus_and_qemu_has_a_cpu_alone(golden: Golden) -> None:
    cells = (
        DesiredCell(3, 4096, 0, "0-3", (SHARED, 4, 20), (5,)),
        DesiredCell(2, 4096, 1, "8-11", (SHARED, 12)),
    )
    wanted = replace(server(), vcpus=5, cells=cells)
    options = GuestOptions(bridges=BRIDGES, cpus=CpuSets(frozenset({4, 5, 12, 20}), frozenset(range(4))))

    golden.check("mixed.xml", domain_xml(wanted, FILES, options))
    floating = tuple(replace(cell, emulator=()) for cell in cells)
    assert '<emulatorpin cpuset="4,12,20,0-3,8-11" />' in domain_xml(replace(wanted, cells=floating), FILES, options)


def test_qemu_s_own_threads_run_on_the_shared_cpus_where_that_is_asked_for() -> None:
    cells = (DesiredCell(4, 8192, 0, "0-3", (4, 5, 6, 7)),)
    wanted = replace(server(), cells=cells, machine=Machine(share_emulator=True))

    for shared, found in ((frozenset({0, 1, 3}), "0-1,3"), (None, "4-7")):
        xml = domain_xml(wanted, FILES, GuestOptions(bridges=BRIDGES, cpus=CpuSets(frozenset(range(4, 8)), shared)))
        assert f'<emulatorpin cpuset="{found}" />' in xml


def test_other_sets_of_cpus_are_other_choices_of_the_host() -> None:
    sets = (CpuSets(), CpuSets(frozenset({4, 5})), CpuSets(frozenset({4})), CpuSets(None, frozenset({4})))

    assert len({GuestOptions(cpus=each).digest for each in sets}) == len(sets)
    assert GuestOptions(cpus=CpuSets()).digest == GuestOptions().digest


def test_a_guest_without_cpus_of_its_own_runs_on_the_shared_ones() -> None:
    options = GuestOptions(bridges=BRIDGES, cpus=CpuSets(frozenset(range(4, 8)), frozenset({0, 1, 2, 3})))

    for wanted in (server(), replace(server(), cells=(DesiredCell(4, 8192, 0, "0-1"),))):
        assert '<vcpu cpuset="0-3">4</vcpu>' in domain_xml(wanted, FILES, options)
    assert "vcpupin" not in domain_xml(wanted, FILES, GuestOptions(virt_type="qemu", bridges=BRIDGES))


def test_a_running_domain_tells_the_sockets_of_its_consoles() -> None:
    text = domain_xml(server(), FILES, GuestOptions(bridges=BRIDGES))
    running = text.replace('<listen type="socket" />', '<listen type="socket" socket="/run/q/vnc.sock" />')

    assert read_consoles(text) == {ConsoleKind.SERIAL: Path("/v/s/serial.sock")}
    assert read_consoles(running)[ConsoleKind.VNC] == Path("/run/q/vnc.sock")
    assert read_consoles("<domain><devices><serial type='file'/></devices></domain>") == {}


def test_a_host_may_give_its_guests_a_spice_screen_beside_that_of_vnc(golden: Golden) -> None:
    options = GuestOptions(bridges=BRIDGES, spice=SpiceOptions("192.0.2.7", "gpu7.example.org"))

    golden.check("spice.xml", domain_xml(replace(server(), spare_ports=1), FILES, options))

    blind = replace(server(), machine=Machine(video="none"))
    assert "spice" not in domain_xml(blind, FILES, options)
    assert options.digest != GuestOptions(bridges=BRIDGES).digest


def test_a_running_domain_tells_where_its_spice_screen_listens() -> None:
    plain = GuestOptions(bridges=BRIDGES, spice=SpiceOptions("192.0.2.7"))
    secure = GuestOptions(bridges=BRIDGES, spice=SpiceOptions("::", "gpu7", secure=True))
    started = domain_xml(server(), FILES, plain).replace('autoport="yes"', 'port="5900" autoport="yes"')
    both = started.replace('autoport="yes"', 'tlsPort="5901" autoport="yes"')
    tls = domain_xml(server(), FILES, secure).replace('autoport="yes"', 'port="-1" tlsPort="5902" autoport="yes"')

    assert read_spice(started) == SpiceEnds("192.0.2.7", 5900, None)
    assert read_spice(both) == SpiceEnds("192.0.2.7", 5900, 5901)
    assert read_spice(tls) == SpiceEnds("::", None, 5902)
    assert 'defaultMode="secure"' in tls and "defaultMode" not in started
    assert read_spice(domain_xml(server(), FILES, GuestOptions(bridges=BRIDGES))) is None


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


def test_a_card_of_an_overlay_is_known_to_ovn_by_the_id_of_its_port() -> None:
    [nic] = server().nics
    xml = domain_xml(replace(server(), nics=(replace(nic, driver="overlay"),)), FILES, GuestOptions())

    card = ET.fromstring(xml).find("devices/interface")
    assert card is not None
    source, plugged = card.find("source"), card.find("virtualport")
    assert source is not None and source.get("bridge") == "br-int"
    assert plugged is not None and plugged.get("type") == "openvswitch"
    assert [part.attrib for part in plugged] == [{"interfaceid": nic.port}]


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
