from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import bind, release, scan
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine

GPU_IDS = ("10de", "20b5")


def driver(machine: Machine, address: PciAddress) -> str | None:
    return next(device.driver for device in scan(machine.root) if device.address == address)


def override(machine: Machine, address: PciAddress) -> str:
    return (machine.root / "sys/bus/pci/devices" / str(address) / "driver_override").read_text().strip()


def refusal(act: Callable[[], object]) -> HostError:
    with pytest.raises(HostError) as caught:
        act()
    return caught.value


def hold(machine: Machine, group: int, pid: int, name: str) -> None:
    files = machine.root / "proc" / str(pid) / "fd"
    files.mkdir(parents=True)
    (files / "10").symlink_to(f"/dev/vfio/{group}")
    (files.parent / "comm").write_text(f"{name}\n")


def test_a_device_goes_to_vfio_and_its_driver_is_told(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    assert bind(kernel, gpu, *GPU_IDS) == "nouveau"
    assert driver(machine, gpu) == "vfio-pci"


def test_a_device_without_a_driver_comes_back_without_one(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=None)

    previous = bind(kernel, gpu, *GPU_IDS)
    release(kernel, gpu, previous)

    assert (previous, driver(machine, gpu), override(machine, gpu)) == (None, None, "(null)")


def test_a_device_comes_back_to_its_driver_and_twice_is_harmless(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind(kernel, gpu, *GPU_IDS)

    first = release(kernel, gpu, "nouveau")
    second = release(kernel, gpu, "nouveau")

    assert (first.driver, first.reset, second.driver) == ("nouveau", True, "nouveau")
    assert override(machine, gpu) == "(null)"


def test_a_device_that_the_operator_keeps_on_vfio_stays_there(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")

    previous = bind(kernel, gpu, *GPU_IDS)
    released = release(kernel, gpu, previous)

    assert (previous, released.driver, released.reset) == ("vfio-pci", "vfio-pci", True)


def test_no_reset_method_is_told_and_no_error(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=10, driver="nouveau", can_reset=False)
    bind(kernel, gpu, *GPU_IDS)

    assert release(kernel, gpu, "nouveau").reset is False


def test_functions_of_one_card_are_bound_one_after_the_other(machine: Machine, kernel: FakeKernel) -> None:
    gpu, audio = machine.card_with_audio("0000:42:00", group=11)

    bind(kernel, gpu, "10de", "2204", {gpu, audio})
    bind(kernel, audio, "10de", "1aef", {gpu, audio})

    assert (driver(machine, gpu), driver(machine, audio)) == ("vfio-pci", "vfio-pci")


def test_a_group_with_another_host_driver_is_refused_with_names(machine: Machine, kernel: FakeKernel) -> None:
    gpu, usb = machine.behind_bridge("0000:01", group=7)

    error = refusal(lambda: bind(kernel, gpu, "1002", "5159"))

    assert error.code == "group-not-viable"
    assert f"{usb} class 0c03: unknown device [1033:0194] (driver xhci_hcd)" in error.detail
    assert "pcieport" not in error.detail
    assert driver(machine, gpu) == "radeon"


def test_a_group_member_without_a_driver_is_no_obstacle(machine: Machine, kernel: FakeKernel) -> None:
    gpu, usb = machine.behind_bridge("0000:01", group=7)
    kernel.unbind(usb)

    assert bind(kernel, gpu, "1002", "5159") == "radeon"


def test_a_device_that_a_process_holds_is_refused_with_pid_and_name(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    hold(machine, 10, 812, "qemu-system-x86")
    hold(machine, 11, 813, "other")

    error = refusal(lambda: bind(kernel, gpu, *GPU_IDS))

    assert error.code == "device-held"
    assert error.brief == "1 process still holds 0000:41:00.0: qemu-system-x86 (812)"


def test_a_device_is_not_released_from_under_a_process(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind(kernel, gpu, *GPU_IDS)
    hold(machine, 10, 812, "qemu-system-x86")

    assert refusal(lambda: release(kernel, gpu, "nouveau")).code == "device-held"
    assert driver(machine, gpu) == "vfio-pci"


def test_a_device_that_is_gone_is_refused(kernel: FakeKernel) -> None:
    assert refusal(lambda: bind(kernel, PciAddress("0000:41:00.0"), *GPU_IDS)).code == "device-vanished"


def test_a_device_that_is_gone_is_released(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind(kernel, gpu, *GPU_IDS)
    kernel.lose(gpu)

    assert release(kernel, gpu, "nouveau").present is False


def test_another_device_at_the_address_is_refused(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    error = refusal(lambda: bind(kernel, gpu, "10de", "2330"))

    assert (error.code, error.brief) == ("device-changed", "The device at 0000:41:00.0 is 10de:20b5, not 10de:2330")


def test_a_host_without_iommu_is_refused(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=None, driver="nouveau")

    assert refusal(lambda: bind(kernel, gpu, *GPU_IDS)).code == "no-iommu"
    assert driver(machine, gpu) == "nouveau"


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
def test_a_bind_that_fails_leaves_driver_and_override_as_they_were(
    machine: Machine, kernel: FakeKernel, verb: str
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    kernel.refuse(verb, gpu, "No such device", times=1)

    error = refusal(lambda: bind(kernel, gpu, *GPU_IDS))

    assert error.code == "bind-failed"
    assert "No such device" in error.detail
    assert (driver(machine, gpu), override(machine, gpu)) == ("nouveau", "(null)")


def test_a_probe_without_effect_is_noticed_at_the_deadline(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    kernel.load_vfio = lambda: None  # type: ignore[method-assign]

    error = refusal(lambda: bind(kernel, gpu, *GPU_IDS, patience=0.1))

    assert error.code == "bind-failed"
    assert (driver(machine, gpu), override(machine, gpu)) == ("nouveau", "(null)")


def test_an_undo_that_fails_joins_the_first_error(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    kernel.hang("probe", gpu)

    error = refusal(lambda: bind(kernel, gpu, *GPU_IDS))

    assert error.code == "bind-failed"
    assert "Undoing failed as well" in error.__notes__[0]


def test_a_device_that_reads_as_ones_after_its_reset_did_not_come_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind(kernel, gpu, *GPU_IDS)
    (machine.root / "sys/bus/pci/devices" / str(gpu) / "config").write_bytes(b"\xff" * 64)

    assert refusal(lambda: release(kernel, gpu, None)).code == "reset-failed"


def test_a_virtual_function_shows_no_ids_and_is_not_taken_for_a_lost_device(
    machine: Machine, kernel: FakeKernel
) -> None:
    _, (vf, _) = machine.sriov("0000:43", vfs=2, group=12)

    bind(kernel, vf, "10de", "2236")

    assert (machine.folder(vf) / "config").read_bytes()[:4] == b"\xff" * 4
    assert release(kernel, vf, None).present


def test_a_driver_that_does_not_take_its_device_back_is_an_error(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bind(kernel, gpu, *GPU_IDS)
    (machine.root / "sys/bus/pci/drivers/nouveau").rmdir()

    error = refusal(lambda: release(kernel, gpu, "nouveau", patience=0.1))

    assert (error.code, error.detail) == ("release-failed", "After 0.1 s its driver is none.")
