"""The fake kernel keeps the contract; the real one writes where the kernel reads, and never hangs its caller."""

import os

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import MdevParent, SysfsKernel
from busway.testing.device_contract import DeviceContract
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine
from busway.testing.mdev_contract import MdevContract


class TestFakeKernel(DeviceContract):
    @pytest.fixture
    def verbs(self, machine: Machine) -> FakeKernel:
        (machine.root / "sys/bus/pci/drivers/pci-stub").mkdir()
        return FakeKernel(machine.root)

    @pytest.fixture
    def card(self, machine: Machine) -> PciAddress:
        return machine.card_with_audio("0000:42:00", group=11)[0]

    @pytest.fixture
    def driven(self, machine: Machine) -> PciAddress:
        return machine.gpu("0000:41:00.0", group=10)

    @pytest.fixture
    def pf(self, machine: Machine) -> PciAddress:
        return machine.function("0000:43:00.0", "10de:2236", "030200", group=12, driver="nvidia", total_vfs=16)


class TestFakeMediatedDevices(MdevContract):
    @pytest.fixture
    def verbs(self, machine: Machine) -> FakeKernel:
        return FakeKernel(machine.root)

    @pytest.fixture(params=["0000:41:00.0", "mtty"])
    def parent(self, request: pytest.FixtureRequest, machine: Machine) -> PciAddress | MdevParent:
        gpu = machine.gpu("0000:41:00.0", group=10)
        machine.mdev_parent("mtty")
        machine.mdev_type(request.param, "small", 3, name="A small one")
        return gpu if request.param == str(gpu) else MdevParent(request.param)

    @pytest.fixture
    def kind(self) -> str:
        return "small"


def test_an_attribute_is_written_as_the_kernel_reads_it(machine: Machine) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    SysfsKernel(machine.root).set(gpu, "reset_method", "flr")

    assert (machine.folder(gpu) / "reset_method").read_text() == "flr\n"


def test_an_attribute_that_blocks_ends_at_its_deadline(machine: Machine) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    os.mkfifo(machine.folder(gpu) / "sriov_numvfs")

    with pytest.raises(HostError) as caught:
        SysfsKernel(machine.root, patience=0.3).set(gpu, "sriov_numvfs", "2")

    assert caught.value.code == "kernel-blocked"
