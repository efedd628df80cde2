"""Reset, VFs and mediated devices: done, read back, refused, undone."""

from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.hardware import Machine as Reading
from busway.hardware import MdevParent
from busway.hardware.verbs import (
    ResetMethod,
    bind_card,
    create_mdev,
    create_vfs,
    preflight_mdev,
    preflight_reset,
    preflight_vfs,
    remove_mdev,
    remove_vfs,
    reset_function,
)
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine

Tree = Callable[[], dict[str, str]]
UUID = "4b20d080-1b54-4048-85b3-a6a62d165c01"


@pytest.fixture
def pf(machine: Machine) -> PciAddress:
    files = {"sriov_drivers_autoprobe": "1"}
    return machine.function("0000:43:00.0", "10de:2236", "030200", group=12, driver="nvidia", total_vfs=16, files=files)


def test_a_reset_by_a_chosen_method_leaves_the_list_as_it_was(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind_card(verbs, gpu)
    before = tree()

    assert reset_function(verbs, gpu, "bus") is ResetMethod.BUS
    assert reset_function(verbs, gpu) is ResetMethod.FLR
    assert tree() == before


def test_a_failed_reset_leaves_the_list_as_it_was(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind_card(verbs, gpu)
    before = tree()
    verbs.refuse("reset", gpu, "not ready 65535ms after bus reset; giving up")

    with pytest.raises(HostError) as caught:
        reset_function(verbs, gpu, "bus")

    assert caught.value.code == "reset-failed"
    assert tree() == before


def test_a_device_that_reads_as_all_ones_did_not_come_back(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=None)
    (machine.folder(gpu) / "config").write_bytes(b"\xff" * 64)

    with pytest.raises(HostError) as caught:
        reset_function(verbs, gpu, patience=0.1)

    assert "all ones" in caught.value.detail


def test_a_bus_reset_that_hits_another_group_is_refused_by_name(machine: Machine, verbs: FakeKernel) -> None:
    port = machine.bridge("0000:40:01.0", group=1)
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=10, under=str(port))
    nic = machine.function("0000:41:00.1", "15b3:1021", "020000", group=11, under=str(port), driver="mlx5_core")

    told = preflight_reset(verbs, gpu, "bus")

    assert [one.code for one in told] == ["reset-scope", "reset-in-use"]
    assert str(nic) in told[0].detail
    assert preflight_reset(verbs, gpu, "flr") == ()


def test_a_device_with_a_host_driver_is_not_reset(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    assert [one.code for one in preflight_reset(verbs, gpu)] == ["reset-in-use"]


def test_unknown_and_unoffered_reset_methods_are_refused(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=None)

    with pytest.raises(BadInput):
        reset_function(verbs, gpu, "warm")
    assert [one.code for one in preflight_reset(verbs, gpu, "pm")] == ["no-reset"]


def test_vfs_come_and_go_without_a_trace(machine: Machine, verbs: FakeKernel, pf: PciAddress, tree: Tree) -> None:
    before = tree()

    made = create_vfs(verbs, pf, 4)
    again = create_vfs(verbs, pf, 4)
    remove_vfs(verbs, pf)
    remove_vfs(verbs, pf)
    create_vfs(verbs, pf, 2, probe=False)
    remove_vfs(verbs, pf)

    assert [str(one) for one in made] == ["0000:43:00.4", "0000:43:00.5", "0000:43:00.6", "0000:43:00.7"]
    assert again == made
    assert tree() == before


@pytest.mark.parametrize("how", ["refuse", "ignore"])
def test_vfs_that_do_not_come_leave_no_trace(
    machine: Machine, verbs: FakeKernel, pf: PciAddress, tree: Tree, how: str
) -> None:
    before = tree()
    if how == "refuse":
        verbs.refuse("set sriov_numvfs", pf, "Cannot allocate memory")
    else:
        verbs.ignore("set sriov_numvfs", pf)

    with pytest.raises(HostError) as caught:
        create_vfs(verbs, pf, 4, probe=False, patience=0.1)

    assert caught.value.code == "vfs-failed"
    assert "Above 4G" in caught.value.remedy
    assert tree() == before


def test_vfs_that_the_kernel_makes_late_are_not_forgotten(
    machine: Machine, verbs: FakeKernel, pf: PciAddress, tree: Tree
) -> None:
    before = tree()
    verbs.hang("set sriov_numvfs", pf, times=1)

    with pytest.raises(HostError) as caught:
        create_vfs(verbs, pf, 4, probe=False, patience=0.1)
    with pytest.raises(HostError) as again:
        create_vfs(verbs, pf, 4)
    verbs.finish(pf)
    late = create_vfs(verbs, pf, 4)
    remove_vfs(verbs, pf)

    assert (caught.value.code, again.value.code, len(late)) == ("kernel-blocked", "kernel-blocked", 4)
    assert tree() == before


def test_an_mdev_that_the_kernel_makes_late_is_not_forgotten(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 2, name="A2-1B")
    before = tree()
    verbs.hang("set mdev_supported_types/nvidia-742/create", gpu, times=1)

    with pytest.raises(HostError) as caught:
        create_mdev(verbs, gpu, "nvidia-742", UUID, patience=0.1)
    with pytest.raises(HostError) as early:
        remove_mdev(verbs, gpu, UUID)
    verbs.finish(gpu)
    remove_mdev(verbs, gpu, UUID)

    assert (caught.value.code, early.value.code) == ("kernel-blocked", "kernel-unsettled")
    assert tree() == before


def test_what_stands_in_the_way_of_vfs_is_told(machine: Machine, verbs: FakeKernel, pf: PciAddress) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    (vf,) = create_vfs(verbs, pf, 1)
    group = Reading.read(machine.root).functions[vf].iommu_group
    machine.hold(77, "qemu", f"/dev/vfio/{group}")

    assert [one.code for one in preflight_vfs(verbs, gpu, 1)] == ["no-sriov"]
    assert [one.code for one in preflight_vfs(verbs, pf, 17)] == ["too-many-vfs"]
    assert [one.code for one in preflight_vfs(verbs, pf, 2)] == ["vfs-enabled", "device-held"]
    assert [one.code for one in preflight_vfs(verbs, pf, 0)] == ["device-held"]


def test_mdevs_come_and_go_without_a_trace(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 2, name="A2-1B")
    before = tree()

    create_mdev(verbs, gpu, "nvidia-742", UUID)
    during = Reading.read(machine.root).functions[gpu].mdev_types[0]
    remove_mdev(verbs, gpu, UUID)
    remove_mdev(verbs, gpu, UUID)

    assert (during.instances, during.available) == ((UUID,), 1)
    assert tree() == before


@pytest.mark.parametrize("how", ["refuse", "ignore"])
def test_an_mdev_that_does_not_come_leaves_no_trace(machine: Machine, verbs: FakeKernel, tree: Tree, how: str) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 2, name="A2-1B")
    before = tree()
    verb = "set mdev_supported_types/nvidia-742/create"
    if how == "refuse":
        verbs.refuse(verb, gpu, "Input/output error")
    else:
        verbs.ignore(verb, gpu)

    with pytest.raises(HostError) as caught:
        create_mdev(verbs, gpu, "nvidia-742", UUID, patience=0.1)

    assert caught.value.code == "mdev-failed"
    assert tree() == before


def test_what_stands_in_the_way_of_an_mdev_is_told(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 1, name="A2-1B")
    create_mdev(verbs, gpu, "nvidia-742", UUID)

    assert [one.code for one in preflight_mdev(verbs, gpu, "nvidia-1", UUID)] == ["no-mdev-type"]
    assert [one.code for one in preflight_mdev(verbs, gpu, "nvidia-742", "x")] == ["invalid-uuid"]
    assert [one.code for one in preflight_mdev(verbs, gpu, "nvidia-742", UUID)] == ["mdev-exhausted", "mdev-exists"]


def test_an_mdev_in_use_is_not_removed(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 1, name="A2-1B")
    create_mdev(verbs, gpu, "nvidia-742", UUID)
    group = (machine.folder(gpu) / UUID / "iommu_group").readlink().name
    machine.hold(77, "qemu", f"/dev/vfio/{group}")

    with pytest.raises(HostError) as caught:
        remove_mdev(verbs, gpu, UUID)

    assert caught.value.code == "device-held"


def test_a_parent_that_is_no_pci_function_is_cut_as_well(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    machine.mdev_parent("mtty")
    machine.mdev_type("mtty", "mtty-1", 24, name="Single port serial")
    parent = MdevParent("mtty")
    before = tree()

    create_mdev(verbs, parent, "mtty-1", UUID)
    told = preflight_mdev(verbs, parent, "mtty-1", UUID)
    remove_mdev(verbs, parent, UUID)

    assert Reading.read(machine.root).mdev_parents == (parent,)
    assert [one.code for one in told] == ["mdev-exists"]
    assert tree() == before


@pytest.mark.parametrize("name", ["none", "..", "../../bus/pci/devices/0000:41:00.0"])
def test_a_parent_that_the_kernel_does_not_list_is_refused(machine: Machine, verbs: FakeKernel, name: str) -> None:
    machine.mdev_type(str(machine.gpu("0000:41:00.0", group=10)), "nvidia-742", 1, name="A2-1B")

    told = preflight_mdev(verbs, MdevParent(name), "nvidia-742", UUID)

    assert [one.code for one in told] == ["device-vanished"]


def test_an_mdev_of_this_name_that_somebody_else_made_just_now_stays(machine: Machine) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.mdev_type(str(gpu), "nvidia-742", 2, name="A2-1B")
    other = FakeKernel(machine.root)
    first = iter([True])

    def come_first(verb: str, _address: str) -> None:
        if verb.endswith("/create") and next(first, False):
            create_mdev(other, gpu, "nvidia-742", UUID)

    with pytest.raises(HostError):
        create_mdev(FakeKernel(machine.root, come_first), gpu, "nvidia-742", UUID)

    assert Reading.read(machine.root).functions[gpu].mdev_types[0].instances == (UUID,)


def test_vfs_that_somebody_else_made_just_now_stay(machine: Machine, pf: PciAddress) -> None:
    other = FakeKernel(machine.root)
    first = iter([True])

    def come_first(verb: str, _address: str) -> None:
        if verb == "set sriov_numvfs" and next(first, False):
            create_vfs(other, pf, 3)

    with pytest.raises(HostError):
        create_vfs(FakeKernel(machine.root, come_first), pf, 2)

    sriov = Reading.read(machine.root).functions[pf].sriov
    assert sriov is not None
    assert len(sriov.vfs) == 3
