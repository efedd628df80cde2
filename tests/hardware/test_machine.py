"""The view of a whole machine: distances, and scanning again."""

import os
import resource
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.hardware import Distance, Machine
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine as Invented


def between(root: Path, one: str, other: str) -> Distance:
    return Machine.read(root).topology.distance(PciAddress(one), PciAddress(other))


def gpu(machine: Invented, address: str, under: str | None = None, node: int = -1) -> None:
    machine.function(address, "10de:20b5", "030200", group=None, under=under, node=node)


def test_two_devices_of_one_switch_are_pix(machine: Invented) -> None:
    machine.bridge("0000:00:01.0", group=None)
    machine.bridge("0000:01:00.0", group=None, under="0000:00:01.0")
    for number in (0, 1):
        machine.bridge(f"0000:02:0{number}.0", group=None, under="0000:01:00.0")
        gpu(machine, f"0000:0{3 + number}:00.0", f"0000:02:0{number}.0")

    assert between(machine.root, "0000:03:00.0", "0000:04:00.0") is Distance.PIX


def test_functions_of_one_slot_are_pix(machine: Invented) -> None:
    machine.bridge("0000:00:01.0", group=None)
    gpu(machine, "0000:01:00.0", "0000:00:01.0")
    gpu(machine, "0000:01:00.1", "0000:00:01.0")

    assert between(machine.root, "0000:01:00.0", "0000:01:00.1") is Distance.PIX


def test_two_switches_below_one_root_port_are_pxb(machine: Invented) -> None:
    machine.bridge("0000:00:01.0", group=None)
    machine.bridge("0000:01:00.0", group=None, under="0000:00:01.0")
    for number in (0, 1):
        machine.bridge(f"0000:02:0{number}.0", group=None, under="0000:01:00.0")
        machine.bridge(f"0000:1{number}:00.0", group=None, under=f"0000:02:0{number}.0")
        machine.bridge(f"0000:2{number}:00.0", group=None, under=f"0000:1{number}:00.0")
        gpu(machine, f"0000:3{number}:00.0", f"0000:2{number}:00.0")

    assert between(machine.root, "0000:30:00.0", "0000:31:00.0") is Distance.PXB


def test_a_bridge_below_a_port_of_the_same_switch_makes_it_pxb(machine: Invented) -> None:
    machine.bridge("0000:00:01.0", group=None)
    machine.bridge("0000:01:00.0", group=None, under="0000:00:01.0")
    for number in (0, 1):
        machine.bridge(f"0000:02:0{number}.0", group=None, under="0000:01:00.0")
    machine.bridge("0000:04:00.0", group=None, under="0000:02:01.0")
    gpu(machine, "0000:03:00.0", "0000:02:00.0")
    gpu(machine, "0000:05:00.0", "0000:04:00.0")

    assert between(machine.root, "0000:03:00.0", "0000:05:00.0") is Distance.PXB


def test_vfs_of_one_slot_are_cards_of_their_own_without_an_iommu_too(machine: Invented) -> None:
    machine.function("0000:41:00.0", "10de:2236", "030200", group=None, total_vfs=16)
    for number in (0, 1):
        machine.vf("0000:41:00.0", number, "10de:2236", group=None)

    cards = Machine.read(machine.root).cards

    assert [(card.name, len(card.functions)) for card in cards] == [
        ("0000:41:00", 1),
        ("0000:41:00.4", 1),
        ("0000:41:00.5", 1),
    ]


def test_two_root_ports_of_one_host_bridge_are_phb(machine: Invented) -> None:
    for number in (1, 2):
        machine.bridge(f"0000:00:0{number}.0", group=None)
        gpu(machine, f"0000:0{number}:00.0", f"0000:00:0{number}.0")

    assert between(machine.root, "0000:01:00.0", "0000:02:00.0") is Distance.PHB


@pytest.mark.parametrize(
    ("one", "other", "distance"), [(0, 0, Distance.NODE), (0, 1, Distance.SYS), (0, -1, Distance.SYS)]
)
def test_two_host_bridges_are_as_far_as_their_nodes(
    machine: Invented, one: int, other: int, distance: Distance
) -> None:
    machine.numa(["0-3", "4-7"])
    gpu(machine, "0000:41:00.0", node=one)
    gpu(machine, "0000:81:00.0", node=other)

    assert between(machine.root, "0000:41:00.0", "0000:81:00.0") is distance


def test_a_machine_of_one_node_has_no_sys_where_the_kernel_names_no_node(machine: Invented) -> None:
    machine.numa(["0-3"])
    gpu(machine, "0000:41:00.0")
    gpu(machine, "0000:81:00.0")

    assert between(machine.root, "0000:41:00.0", "0000:81:00.0") is Distance.NODE


def test_sockets_have_their_nodes_and_nodes_of_memory_only_are_left_out(machine: Invented) -> None:
    machine.numa(["0-3", "4-7", "8-11", "12-15", "", ""], nodes_per_socket=2)
    gpu(machine, "0000:41:00.0", node=2)

    sockets = Machine.read(machine.root).topology.sockets

    assert [(socket.number, [node.number for node in socket.nodes]) for socket in sockets] == [(0, [0, 1]), (1, [2, 3])]
    assert [bridge.name for bridge in sockets[1].nodes[0].host_bridges] == ["pci0000:41"]


def test_a_rescan_without_a_change_is_the_same_view(machine: Invented) -> None:
    machine.gpu("0000:41:00.0", group=10)
    before = Machine.read(machine.root)

    assert before.rescan() is before


def test_a_rescan_sees_what_a_full_scan_sees(machine: Invented) -> None:
    stays, moves, goes = (machine.gpu(f"0000:4{n}:00.0", group=10 + n) for n in (1, 2, 3))
    before = Machine.read(machine.root)
    kernel = FakeKernel(machine.root)
    kernel.override(moves, "vfio-pci")
    kernel.unbind(moves)
    kernel.probe(moves)
    kernel.lose(goes)
    machine.gpu("0000:40:00.0", group=11)

    after = before.rescan()

    assert after == Machine.read(machine.root)
    assert [str(address) for address in after.functions] == ["0000:40:00.0", str(stays), str(moves)]
    assert after.functions[moves].driver == "vfio-pci"
    assert after.functions[stays] is before.functions[stays]


def test_a_rescan_sees_a_driver_that_changed_alone(machine: Invented) -> None:
    address = machine.gpu("0000:41:00.0", group=10)
    before = Machine.read(machine.root)
    FakeKernel(machine.root).unbind(address)

    assert before.rescan().functions[address].driver is None


def test_a_rescan_reads_all_when_groups_appear(machine: Invented) -> None:
    address = machine.function("0000:41:00.0", "10de:20b5", "030200", group=None)
    before = Machine.read(machine.root)
    (machine.root / "sys/kernel/iommu_groups/3").mkdir()
    (machine.folder(address) / "iommu_group").symlink_to("../../../kernel/iommu_groups/3")

    assert before.rescan().functions[address].iommu_group == 3


def test_names_that_are_no_addresses_are_passed_over(machine: Invented) -> None:
    machine.gpu("0000:41:00.0", group=10)
    (machine.root / "sys/bus/pci/devices/nonsense").mkdir()
    before = Machine.read(machine.root)

    assert len(before) == 1
    assert before.rescan() is before


def test_audio_right_behind_a_gpu_is_its_own_whoever_made_it(machine: Invented) -> None:
    machine.function("0000:43:00.0", "1002:5159", "030000", group=5)
    machine.function("0000:43:00.1", "8086:2668", "040300", group=5)
    machine.function("0000:43:00.6", "1022:15e3", "040300", group=5)

    (card,) = Machine.read(machine.root).gpu_cards

    assert [str(one.address) for one in card.unusual] == ["0000:43:00.6"]


def test_a_process_without_descriptors_does_not_see_an_empty_machine(machine: Invented) -> None:
    machine.gpu("0000:41:00.0", group=10)
    machine.hold(812, "Xorg", "/dev/dri/card0")
    before = Machine.read(machine.root)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/", os.O_RDONLY)
    os.close(free)

    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        for look in (lambda: Machine.read(machine.root), before.rescan, lambda: before.open_files):
            with pytest.raises(OSError, match="Too many open files"):
                look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
