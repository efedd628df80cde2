"""A whole function goes to a guest and comes back, refuses by name, and is never given away by mistake."""

from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.units import WholeFunction
from busway.hardware import Machine as Reading
from busway.hardware import OpenFiles, read_binding
from busway.hardware.binding import driver_of
from busway.hardware.handover import Before, GivenBack, give_back, preflight, read_before, take
from busway.hardware.verbs.obstacle import users
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine


def driver(machine: Machine, address: PciAddress) -> str | None:
    return driver_of(machine.root, address)


def override(machine: Machine, address: PciAddress) -> str:
    return (machine.folder(address) / "driver_override").read_text().strip()


def wanted(machine: Machine, address: PciAddress, *, managed: bool = True) -> WholeFunction:
    function = Reading.read(machine.root).functions[address]
    return WholeFunction(address, function.vendor_id, function.product_id, managed)


def taken(machine: Machine, kernel: FakeKernel, address: PciAddress, *together: PciAddress) -> Before:
    before = read_before(machine.root, read_binding(machine.root, address))
    take(kernel, wanted(machine, address), together)
    return before


def refusal(act: Callable[[], object]) -> HostError:
    with pytest.raises(HostError) as caught:
        act()
    return caught.value


def test_a_device_goes_to_vfio_and_where_it_came_from_is_known(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    before = taken(machine, kernel, gpu)

    assert (before.driver, before.override) == ("nouveau", "")
    assert driver(machine, gpu) == "vfio-pci"


def test_a_device_without_a_driver_comes_back_without_one(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=None)

    before = taken(machine, kernel, gpu)
    give_back(kernel, WholeFunction(gpu), before)

    assert (before.driver, driver(machine, gpu), override(machine, gpu)) == (None, None, "(null)")


def test_a_device_comes_back_to_its_driver_and_twice_is_harmless(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)

    first = give_back(kernel, WholeFunction(gpu), before)
    second = give_back(kernel, WholeFunction(gpu), before)

    assert (first.driver, first.reset, second.driver) == ("nouveau", True, "nouveau")
    assert override(machine, gpu) == "(null)"


def test_an_override_of_the_operators_is_there_again_afterwards(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    kernel.override(gpu, "nouveau")

    before = taken(machine, kernel, gpu)
    during = override(machine, gpu)
    give_back(kernel, WholeFunction(gpu), before)

    assert (during, override(machine, gpu), driver(machine, gpu)) == ("vfio-pci", "nouveau", "nouveau")


def test_a_device_that_the_operator_keeps_on_vfio_stays_there(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")
    kernel.override(gpu, "vfio-pci")

    before = taken(machine, kernel, gpu)
    back = give_back(kernel, WholeFunction(gpu), before)

    assert (before.driver, back.driver, back.reset) == ("vfio-pci", "vfio-pci", True)
    assert override(machine, gpu) == "vfio-pci"


def test_no_reset_method_is_told_and_no_error(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=10, driver="nouveau", can_reset=False)
    before = taken(machine, kernel, gpu)

    assert give_back(kernel, WholeFunction(gpu), before).reset is False


def test_functions_of_one_card_are_taken_one_after_the_other(machine: Machine, kernel: FakeKernel) -> None:
    gpu, audio = machine.card_with_audio("0000:42:00", group=11)

    taken(machine, kernel, gpu, gpu, audio)
    taken(machine, kernel, audio, gpu, audio)

    assert (driver(machine, gpu), driver(machine, audio)) == ("vfio-pci", "vfio-pci")


def test_a_function_alone_is_refused_while_its_card_has_another(machine: Machine, kernel: FakeKernel) -> None:
    gpu, audio = machine.card_with_audio("0000:42:00", group=11)

    error = refusal(lambda: take(kernel, wanted(machine, gpu)))

    assert error.code == "group-not-viable"
    assert f"{audio}" in error.detail


def test_a_group_with_another_host_driver_is_refused_with_names(machine: Machine, kernel: FakeKernel) -> None:
    gpu, usb = machine.behind_bridge("0000:01", group=7)

    error = refusal(lambda: take(kernel, wanted(machine, gpu)))

    assert error.code == "group-not-viable"
    assert f"{usb} " in error.detail
    assert "[1033:0194] (driver xhci_hcd)" in error.detail
    assert "pcieport" not in error.detail
    assert driver(machine, gpu) == "radeon"


@pytest.mark.parametrize("other", [None, "pci-stub"])
def test_a_group_member_that_nobody_uses_is_no_obstacle(
    machine: Machine, kernel: FakeKernel, other: str | None
) -> None:
    gpu, usb = machine.behind_bridge("0000:01", group=7)
    kernel.unbind(usb)
    if other:
        kernel.load(other)
        kernel.override(usb, other)
        kernel.probe(usb)

    assert taken(machine, kernel, gpu).driver == "radeon"


def held_group(machine: Machine, gpu: PciAddress) -> None:
    machine.hold(812, "qemu-system-x86", "/dev/vfio/10")
    machine.hold(813, "other", "/dev/vfio/11")


def cuda(machine: Machine, gpu: PciAddress) -> None:
    machine.write(f"proc/driver/nvidia/gpus/{gpu}/information", "Model: A100\nDevice Minor: \t 0")
    machine.hold(812, "python3", "/dev/nvidia0")


def screen(machine: Machine, gpu: PciAddress) -> None:
    machine.write(f"sys/bus/pci/devices/{gpu}/drm/card0/dev", "226:0")
    machine.hold(812, "Xorg", "/dev/dri/card0")


def mapped(machine: Machine, gpu: PciAddress) -> None:
    machine.hold(812, "dpdk", f"/sys/devices/pci0000:41/{gpu}/resource0")


def framebuffer(machine: Machine, gpu: PciAddress) -> None:
    machine.write("proc/iomem", f"00000000-00000000 : {gpu}\n  00000000-00000000 : BOOTFB")


@pytest.mark.parametrize(
    ("use", "code", "name"),
    [
        (held_group, "device-held", "qemu-system-x86 (812)"),
        (cuda, "device-held", "python3 (812)"),
        (screen, "device-held", "Xorg (812)"),
        (mapped, "device-held", "dpdk (812)"),
        (framebuffer, "boot-framebuffer", "0000:41:00.0"),
    ],
)
def test_a_device_that_the_host_uses_is_refused_and_the_user_named(
    machine: Machine, kernel: FakeKernel, use: Callable[[Machine, PciAddress], None], code: str, name: str
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    use(machine, gpu)

    error = refusal(lambda: take(kernel, wanted(machine, gpu)))

    assert (error.code, driver(machine, gpu)) == (code, "nouveau")
    assert name in error.brief


def test_a_physical_function_whose_virtual_ones_somebody_has_is_refused(machine: Machine, kernel: FakeKernel) -> None:
    pf, (_, vf) = machine.sriov("0000:43", vfs=2, group=12)
    machine.hold(812, "qemu-system-x86", "/dev/vfio/14")
    held = [one.code for one in preflight(kernel, wanted(machine, pf))]
    rebind(machine, kernel, vf, "mlx5_core")

    driven = [one.code for one in preflight(kernel, wanted(machine, pf))]

    assert (held, driven) == (["device-held"], ["device-held", "vfs-enabled"])


def test_a_physical_function_whose_virtual_ones_nobody_has_goes_to_a_guest(
    machine: Machine, kernel: FakeKernel
) -> None:
    pf, _ = machine.sriov("0000:43", vfs=2, group=12)

    taken(machine, kernel, pf)

    assert driver(machine, pf) == "vfio-pci"


def test_processes_whose_files_can_not_be_read_are_told() -> None:
    (told,) = users("0000:41:00.0", OpenFiles({}, hidden=2), [])

    assert (told.code, told.brief) == ("holders-hidden", "The open files of 2 processes can't be read")


def test_a_device_is_not_given_back_from_under_a_process(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    machine.hold(812, "qemu-system-x86", "/dev/vfio/10")

    error = refusal(lambda: give_back(kernel, WholeFunction(gpu), before))

    assert (error.code, error.brief) == ("device-held", "1 process holds 0000:41:00.0: qemu-system-x86 (812)")
    assert driver(machine, gpu) == "vfio-pci"


def test_a_device_that_is_gone_is_refused(kernel: FakeKernel) -> None:
    gone = WholeFunction(PciAddress("0000:41:00.0"), "10de", "20b5")

    assert refusal(lambda: take(kernel, gone)).code == "device-vanished"


def test_a_device_that_is_gone_is_given_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    kernel.lose(gpu)

    assert give_back(kernel, WholeFunction(gpu), before).present is False


def test_another_device_at_the_address_is_refused(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    error = refusal(lambda: take(kernel, WholeFunction(gpu, "10de", "2330")))

    assert (error.code, error.brief) == ("device-changed", "The device at 0000:41:00.0 is 10de:20b5, not 10de:2330")


def test_a_host_without_iommu_is_refused(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=None, driver="nouveau")

    assert refusal(lambda: take(kernel, wanted(machine, gpu))).code == "no-iommu"
    assert driver(machine, gpu) == "nouveau"


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
def test_a_take_that_fails_leaves_driver_and_override_as_they_were(
    machine: Machine, kernel: FakeKernel, verb: str
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    kernel.refuse(verb, gpu, "No such device", times=1)

    error = refusal(lambda: take(kernel, wanted(machine, gpu)))

    assert error.code == "bind-failed"
    assert "No such device" in error.detail
    assert (driver(machine, gpu), override(machine, gpu)) == ("nouveau", "(null)")


def test_a_probe_without_effect_is_noticed_at_the_deadline(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    kernel.ignore("probe", gpu, times=1)

    error = refusal(lambda: take(kernel, wanted(machine, gpu), patience=0.1))

    assert error.code == "bind-failed"
    assert (driver(machine, gpu), override(machine, gpu)) == ("nouveau", "(null)")


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
def test_after_a_blocked_write_nothing_more_is_done_to_the_device(
    machine: Machine, kernel: FakeKernel, verb: str
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = read_before(machine.root, read_binding(machine.root, gpu))
    kernel.hang(verb, gpu, times=1)

    error = refusal(lambda: take(kernel, wanted(machine, gpu)))
    left = read_binding(machine.root, gpu)
    again = [
        refusal(lambda: take(kernel, wanted(machine, gpu))),
        refusal(lambda: give_back(kernel, WholeFunction(gpu), before)),
    ]

    assert error.code == "kernel-blocked"
    assert "Undoing failed as well" in error.__notes__[0]
    assert [one.code for one in again] == ["kernel-unsettled", "kernel-unsettled"]
    assert read_binding(machine.root, gpu) == left


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
def test_a_blocked_device_is_given_back_once_the_kernel_has_finished(
    machine: Machine, kernel: FakeKernel, verb: str
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    now = read_binding(machine.root, gpu)
    before = read_before(machine.root, now)
    kernel.hang(verb, gpu, times=1)
    refusal(lambda: take(kernel, wanted(machine, gpu)))

    kernel.finish(gpu)
    give_back(kernel, WholeFunction(gpu), before)

    assert read_binding(machine.root, gpu) == now


def test_a_device_that_reads_as_ones_after_its_reset_did_not_come_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    (machine.folder(gpu) / "config").write_bytes(b"\xff" * 64)

    assert refusal(lambda: give_back(kernel, WholeFunction(gpu), before, patience=0.1)).code == "reset-failed"


def test_a_virtual_function_shows_no_ids_and_is_not_taken_for_a_lost_device(
    machine: Machine, kernel: FakeKernel
) -> None:
    _, (vf, _) = machine.sriov("0000:43", vfs=2, group=12)

    before = taken(machine, kernel, vf)

    assert (machine.folder(vf) / "config").read_bytes()[:4] == b"\xff" * 4
    assert give_back(kernel, WholeFunction(vf), before).present


def test_a_driver_that_does_not_take_its_device_back_is_an_error(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    (machine.root / "sys/bus/pci/drivers/nouveau").rmdir()

    error = refusal(lambda: give_back(kernel, WholeFunction(gpu), before, patience=0.1))

    assert error.code == "release-failed"
    assert "Its driver is now none." in error.detail


def test_a_device_that_another_driver_has_is_not_taken_for_given_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    rebind(machine, kernel, gpu, "nvgrace_gpu_vfio_pci")

    error = refusal(lambda: give_back(kernel, WholeFunction(gpu), before))

    assert error.code == "driver-unexpected"
    assert driver(machine, gpu) == "nvgrace_gpu_vfio_pci"


def test_after_a_restart_of_the_host_any_driver_of_its_own_is_right(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = taken(machine, kernel, gpu)
    machine.write(f"fake/native/{gpu}", "nvidia")
    kernel.load("nvidia")
    kernel.reboot()

    assert give_back(kernel, WholeFunction(gpu), before) == GivenBack("nvidia", reset=False)


def rebind(machine: Machine, kernel: FakeKernel, address: PciAddress, driver: str) -> None:
    kernel.load(driver)
    kernel.unbind(address)
    kernel.override(address, driver)
    kernel.probe(address)


def test_a_device_of_its_operators_on_vfio_pci_is_taken_and_given_back_with_its_driver(
    machine: Machine, kernel: FakeKernel
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")

    take(kernel, wanted(machine, gpu, managed=False))
    back = give_back(kernel, WholeFunction(gpu, managed=False), Before("vfio-pci"))

    assert (back.driver, back.reset, back.present) == ("vfio-pci", True, True)
    assert driver(machine, gpu) == "vfio-pci"


def test_a_vendors_vfio_driver_is_as_good(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="nvidia")
    machine.write(f"sys/bus/pci/devices/{gpu}/vfio-dev/vfio0/dev", "511:0")

    take(kernel, wanted(machine, gpu, managed=False))

    assert give_back(kernel, WholeFunction(gpu, managed=False), Before("nvidia")) == GivenBack("nvidia", reset=True)


@pytest.mark.parametrize("found", ["nouveau", None])
def test_a_device_of_its_operators_on_any_other_driver_is_refused_and_left_alone(
    machine: Machine, kernel: FakeKernel, found: str | None
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver=found)

    error = refusal(lambda: take(kernel, wanted(machine, gpu, managed=False)))

    assert error.code == "device-not-prepared"
    assert f"is on {found or 'no driver'}" in error.brief
    assert driver(machine, gpu) == found


def test_a_device_that_its_operator_gave_to_the_host_meanwhile_is_neither_reset_nor_given_back(
    machine: Machine, kernel: FakeKernel
) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)

    error = refusal(lambda: give_back(kernel, WholeFunction(gpu, managed=False), Before("vfio-pci")))

    assert error.code == "driver-unexpected"


def test_a_device_of_its_operators_that_a_program_holds_is_not_given_back(machine: Machine, kernel: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10, driver="vfio-pci")
    machine.hold(812, "qemu-system-x86", "/dev/vfio/10")

    assert "812" in refusal(lambda: give_back(kernel, WholeFunction(gpu, managed=False), Before("vfio-pci"))).brief


def test_a_device_of_its_operators_that_is_gone_is_given_back(machine: Machine, kernel: FakeKernel) -> None:
    assert not give_back(kernel, WholeFunction(PciAddress("0000:99:00.0"), managed=False), Before("vfio-pci")).present
