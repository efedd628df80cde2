"""Which ways a card can serve here, with the facts against the others."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.domain.address import PciAddress
from busway.domain.condition import CardMode
from busway.domain.units import FabricPartition
from busway.hardware import Machine as Reading
from busway.hardware.modes import modes_of
from busway.testing.kernel import FakeKernel
from busway.testing.kernel_devices import create_mdev
from busway.testing.kernel_vgpu import vgpu_card
from busway.testing.machines import Machine
from busway.testing.render_nodes import add_render_node

UUID = "aaaaaaaa-0000-4000-8000-000000000001"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def ways(machine: Machine, address: PciAddress) -> dict[str, CardMode]:
    reading = Reading.read(machine.root)
    card = reading.card(address)
    assert card is not None
    return {way.name: way for way in modes_of(reading, card)}


def test_an_ordinary_gpu_serves_whole_and_nothing_else(machine: Machine) -> None:
    found = ways(machine, machine.gpu("0000:41:00.0", group=10))

    assert [name for name, way in found.items() if way.serves] == ["whole"]
    assert found["whole"].why == "1 function, IOMMU group 10; its host driver is nouveau"
    assert "shows no SR-IOV" in found["virtual functions"].why
    assert "its driver (nouveau) offers no types" in found["mediated devices"].why
    assert "since 4.12" in found["pci-assign"].why


def test_a_gpu_with_a_render_node_serves_shares_of_it(machine: Machine) -> None:
    address = machine.gpu("0000:41:00.0", group=10)
    without = ways(machine, address)["render shares"]
    add_render_node(machine.root, str(address), 129)

    found = ways(machine, address)["render shares"]

    assert (without.serves, without.why) == (False, "its driver (nouveau) has no render node")
    assert found.serves
    assert "/dev/dri/renderD129; declare it: busway agent --render-node 0000:41:00.0=SHARES" in found.why


def test_a_render_node_serves_nobody_while_the_hypervisor_can_not_draw(machine: Machine) -> None:
    address = machine.gpu("0000:41:00.0", group=10)
    add_render_node(machine.root, str(address), 129)
    reading = Reading.read(machine.root)
    card = reading.card(address)
    assert card is not None

    found = {way.name: way for way in modes_of(reading, card, lacking=lambda: "QEMU has no egl-headless")}

    assert not found["render shares"].serves
    assert found["render shares"].why == "its render node is /dev/dri/renderD129, but QEMU has no egl-headless"


def test_gpus_that_nvswitches_join_tell_their_partitions_or_what_lacks(machine: Machine) -> None:
    first, second = "0000:19:00.0", "0000:1a:00.0"
    for gpu in (first, second):
        machine.function(gpu, "10de:2330", "030200", group=int(gpu[5:7], 16))
    reading = Reading.read(machine.root)
    machine.function("0000:05:00.0", "10de:22a3", "068000", group=9)
    switched = Reading.read(machine.root)
    known = [FabricPartition(3, (first, second)), FabricPartition(9, (first,))]

    def why(where: Reading, partitions: list[FabricPartition]) -> tuple[bool, str]:
        card = where.card(PciAddress(first))
        assert card is not None
        [found] = [way for way in modes_of(where, card, partitions) if way.name == "NVLink partition"]
        return found.serves, found.why

    assert why(reading, []) == (False, "the host shows no NVSwitch")
    assert why(switched, known) == (True, "it is in partitions of 1, 2 GPUs")
    assert why(switched, known[2:])[0] is False
    assert "1 NVSwitches, but no partition with it is known; declare them: busway agent" in why(switched, [])[1]


def test_one_that_is_reserved_with_pci_stub_is_taken_over(machine: Machine) -> None:
    found = ways(machine, machine.gpu("0000:41:00.0", group=10, driver="pci-stub"))

    assert found["whole"].serves
    assert "reserved with pci-stub and is taken over" in found["whole"].why


def test_strangers_in_its_group_and_an_iommu_that_is_off_are_named(machine: Machine) -> None:
    shared, _ = machine.behind_bridge("0000:44", group=22)
    none = machine.function("0000:45:00.0", "10de:20b5", "030200", group=None)

    assert "0000:44:02.0" in ways(machine, shared)["whole"].why
    assert "IOMMU is off" in ways(machine, none)["whole"].why


def test_a_physical_function_can_be_divided_until_vfio_has_it(machine: Machine) -> None:
    pf, _ = machine.sriov("0000:51", vfs=0, group=30)
    free = ways(machine, pf)
    kernel = FakeKernel(machine.root)
    kernel.set(pf, "sriov_numvfs", "2")
    divided = ways(machine, pf)
    vf = ways(machine, PciAddress("0000:51:00.4"))
    kernel.set(pf, "sriov_numvfs", "0")
    kernel.override(pf, "vfio-pci")
    kernel.unbind(pf)
    kernel.probe(pf)

    assert (free["virtual functions"].serves, free["whole"].serves) == (True, True)
    assert "busway agent --vfs 0000:51:00.0=COUNT" in free["virtual functions"].why
    assert (divided["virtual functions"].why, divided["whole"].serves) == ("2 of 16 are enabled", False)
    assert vf["virtual functions"].why == "it is one itself, of 0000:51:00.0"
    assert not ways(machine, pf)["virtual functions"].serves


def test_a_parent_of_mediated_devices_tells_its_types(machine: Machine) -> None:
    gpu = machine.gpu("0000:61:00.0", group=14, driver="nvidia")
    machine.mdev_type(str(gpu), "nvidia-35", 1, name="M60-0Q")
    machine.mdev_type(str(gpu), "nvidia-36", 0, name="M60-0B")
    create_mdev(machine.root, machine.folder(gpu).resolve(), "nvidia-35", UUID)

    found = ways(machine, gpu)

    assert (found["mediated devices"].serves, found["mediated devices"].why) == (
        True,
        "nvidia-35 0 left, nvidia-36 0 left",
    )
    assert "1 mediated devices are made of it" in found["whole"].why


def test_a_card_whose_vfs_become_vgpus_tells_what_they_can_be(machine: Machine) -> None:
    pf, *_ = machine.sriov("0000:51", vfs=2, group=30)
    vgpu_card(machine, str(pf), {1155: ("NVIDIA L40S-12Q", 12), 1158: ("NVIDIA L40S-24Q", 24)}, capacity=48)
    free = ways(machine, pf)["vendor vGPU"]
    FakeKernel(machine.root).set(PciAddress("0000:51:00.4"), "nvidia/current_vgpu_type", "1155")

    made = ways(machine, pf)["vendor vGPU"]

    assert (free.serves, free.why) == (
        True, "its VFs can become NVIDIA L40S-12Q, NVIDIA L40S-24Q; 0 of 2 are vGPUs",
    )  # fmt: skip
    assert (made.serves, made.why) == (True, "its VFs can become NVIDIA L40S-12Q; 1 of 2 are vGPUs")


def test_a_card_in_mig_mode_without_gpu_instances_serves_no_vgpu(machine: Machine) -> None:
    pf, (vf,) = machine.sriov("0000:51", vfs=1, group=30)
    vgpu_card(machine, str(pf), {1055: ("NVIDIA A100D-3-40C", 40)}, capacity=80)
    (machine.folder(vf) / "nvidia/creatable_vgpu_types").write_text("ID    : vGPU Name\n")

    found = ways(machine, pf)["vendor vGPU"]

    assert not found.serves
    assert "its VFs can become nothing now" in found.why and "MIG mode without GPU instances" in found.why


def test_the_command_prints_every_way_of_one_card_and_refuses_an_unknown_one(machine: Machine) -> None:
    machine.gpu("0000:41:00.0", group=10)
    root = ["--root", str(machine.root)]

    shown = CliRunner().invoke(main, ["device", "modes", "0000:41:00.0", *root])
    unknown = CliRunner().invoke(main, ["device", "modes", "0000:99:00.0", *root])

    assert (shown.exit_code, shown.output.count("\n    no "), shown.output.count("\n    yes ")) == (0, 6, 1)
    assert unknown.exit_code != 0
