from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.hardware import Machine as Reading
from busway.testing.machines import Machine

PCI_IDS = """\
# a comment
10d  No Such Vendor
10de  NVIDIA Corporation
\t20b5  GA100 [A100 PCIe 80GB]
\t\t10de 1533  A subsystem
\t2204  GA102 [GeForce RTX 3090]
10df  Emulex Corporation
\t2236  Not this one
C 03  Display controller
\t00  VGA compatible controller
\t02  3D controller
C 04  Multimedia controller
"""


def test_a_gpu_is_read_with_all_that_the_kernel_says(machine: Machine) -> None:
    machine.function("0000:41:00.0", "10de:20b5", "030200", group=10, node=1, driver="nouveau", subsystem="10de:1533")

    assert Reading.read(machine.root).inventory == (
        PciDevice(
            address=PciAddress("0000:41:00.0"),
            vendor_id="10de",
            product_id="20b5",
            class_code="030200",
            subsystem_vendor_id="10de",
            subsystem_id="1533",
            revision="a1",
            driver="nouveau",
            iommu_group=10,
            numa_node=1,
            vendor_name="NVIDIA Corporation",
            product_name="GA100 [A100 PCIe 80GB]",
            class_name="3D controller",
        ),
    )


def test_names_come_from_the_machines_own_pci_ids(machine: Machine) -> None:
    machine.gpu("0000:41:00.0", group=10)
    machine.card_with_audio("0000:42:00", group=11)
    path = machine.root / "usr/share/misc/pci.ids"
    path.parent.mkdir(parents=True)
    path.write_text(PCI_IDS)

    a100, gpu, audio = Reading.read(machine.root).inventory

    assert a100.description == "3D controller: NVIDIA Corporation GA100 [A100 PCIe 80GB] [10de:20b5]"
    assert gpu.description == "VGA compatible controller: NVIDIA Corporation GA102 [GeForce RTX 3090] [10de:2204]"
    assert (
        audio.description
        == "Multimedia controller: NVIDIA Corporation GA102 High Definition Audio Controller [10de:1aef]"
    )


def test_a_pf_is_one_with_no_vf_enabled_and_a_vf_knows_its_parent(machine: Machine) -> None:
    machine.function("0000:84:00.0", "8086:10c9", "020000", group=None, total_vfs=7)
    pf, vfs = machine.sriov("0000:83", vfs=2, group=20)

    found = {device.address: device for device in Reading.read(machine.root).inventory}

    assert found[PciAddress("0000:84:00.0")].kind is DeviceKind.PF
    assert found[pf].kind is DeviceKind.PF
    assert [(found[vf].kind, found[vf].parent, found[vf].iommu_group) for vf in vfs] == [
        (DeviceKind.VF, pf, 21),
        (DeviceKind.VF, pf, 22),
    ]


def test_no_numa_node_no_group_and_no_driver_are_none(machine: Machine) -> None:
    machine.function("0000:41:00.0", "10de:20b5", "030200", group=None)

    device = Reading.read(machine.root).inventory[0]

    assert (device.numa_node, device.iommu_group, device.driver) == (None, None, None)


@pytest.mark.parametrize("content", ["", "0x", "0x10", "zz", "\0\xff", "0x10de10de"])
def test_damaged_files_become_unknown_values(machine: Machine, content: str) -> None:
    machine.gpu("0000:41:00.0", group=10)
    folder = machine.root / "sys/bus/pci/devices/0000:41:00.0"
    for name in ("modalias", "vendor", "device", "class", "numa_node", "subsystem_vendor", "sriov_totalvfs"):
        (folder / name).write_text(content, "latin-1")

    device = Reading.read(machine.root).inventory[0]

    assert (device.vendor_id, device.product_id, device.class_code) == ("", "", "")
    assert (device.numa_node, device.kind) == (None, DeviceKind.PCI)


def test_missing_files_become_unknown_values(machine: Machine) -> None:
    (machine.root / "sys/bus/pci/devices/0000:41:00.0").mkdir()

    assert Reading.read(machine.root).inventory == (PciDevice(PciAddress("0000:41:00.0"), "", "", ""),)


def test_a_machine_without_pci_has_no_devices(tmp_path: Path) -> None:
    assert Reading.read(tmp_path).inventory == ()


def test_groups_hold_all_their_members(machine: Machine) -> None:
    gpu, usb = machine.behind_bridge("0000:01", group=7)
    machine.function("0000:05:00.0", "8086:10c9", "020000", group=None)

    groups = Reading.read(machine.root).groups

    assert {number: [str(member.address) for member in group.members] for number, group in groups.items()} == {
        7: ["0000:00:1e.0", str(gpu), str(usb)]
    }


@pytest.mark.skipif(not Path("/sys/bus/pci/devices").is_dir(), reason="needs a kernel with PCI")
def test_this_machine_can_be_scanned() -> None:
    assert all(len(device.vendor_id) == 4 for device in Reading.read().inventory)


def test_the_switch_above_a_device_is_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.bridge("0000:00:01.0", group=1)
    machine.bridge("0000:40:00.0", group=2, under="0000:00:01.0")
    for port, bus in (("0000:41:00.0", "42"), ("0000:41:01.0", "43")):
        machine.bridge(port, group=3, under="0000:40:00.0")
        machine.function(f"0000:{bus}:00.0", "10de:20b5", "030200", group=10, under=port)
    machine.bridge("0000:00:02.0", group=4)
    machine.function("0000:50:00.0", "10de:20b5", "030200", group=11, under="0000:00:02.0")

    found = {str(device.address): device.switch for device in Reading.read(tmp_path).inventory}

    assert found["0000:42:00.0"] == found["0000:43:00.0"] == PciAddress("0000:40:00.0")
    assert found["0000:50:00.0"] is None
