import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import give_back_prepared, scan, take_prepared
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine
from tests.hardware.test_vfio import GPU_IDS, hold


def driver(machine: Machine, address: PciAddress) -> str | None:
    return next(device.driver for device in scan(machine.root) if device.address == address)


def test_a_device_on_vfio_pci_is_taken_and_given_back_with_its_driver(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")

    taken = take_prepared(kernel, gpu, *GPU_IDS)
    back = give_back_prepared(kernel, gpu)

    assert (taken.driver, back.driver, back.reset, back.present) == ("vfio-pci", "vfio-pci", True, True)
    assert driver(machine, gpu) == "vfio-pci"


def test_a_vendors_vfio_driver_is_as_good(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="nvidia")
    (machine.root / "sys/bus/pci/devices" / str(gpu) / "vfio-dev").mkdir()

    assert take_prepared(kernel, gpu, *GPU_IDS).driver == "nvidia"
    assert give_back_prepared(kernel, gpu).driver == "nvidia"


@pytest.mark.parametrize("found", ["nouveau", None])
def test_a_device_on_any_other_driver_is_refused_and_left_alone(
    machine: Machine, kernel: FakeKernel, found: str | None
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=found)

    with pytest.raises(HostError, match=f"is on {found or 'no driver'}") as caught:
        take_prepared(kernel, gpu, *GPU_IDS)

    assert caught.value.code == "device-not-prepared"
    assert driver(machine, gpu) == found


def test_a_device_that_a_program_holds_is_not_given_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")
    hold(machine, 10, 812, "qemu-system-x86")

    with pytest.raises(HostError, match="812"):
        give_back_prepared(kernel, gpu)


def test_a_device_that_is_gone_is_given_back(machine: Machine, kernel: FakeKernel) -> None:
    assert not give_back_prepared(kernel, PciAddress("0000:99:00.0")).present
