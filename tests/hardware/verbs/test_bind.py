from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.hardware import Machine as Reading
from busway.hardware import read_binding
from busway.hardware.verbs import Bound, Mode, bind_card, preflight_bind, release_card, reserve_card, reserved
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine

Tree = Callable[[], dict[str, str]]


def drivers(machine: Machine, *functions: PciAddress) -> list[str | None]:
    seen = Reading.read(machine.root)
    return [seen.functions[one].driver for one in functions]


def test_a_card_is_bound_whole_and_comes_back_whole(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    card = machine.card_with_audio("0000:42:00", group=11)
    before = tree()

    bound = bind_card(verbs, card[0])
    during = drivers(machine, *card)
    all_reset = release_card(verbs, bound)

    assert during == ["vfio-pci", "vfio-pci"]
    assert all_reset
    assert tree() == before


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_bind_that_fails_leaves_the_tree_as_it_was(
    machine: Machine, verbs: FakeKernel, tree: Tree, verb: str, which: int
) -> None:
    card = machine.card_with_audio("0000:42:00", group=11)
    before = tree()
    verbs.refuse(verb, card[which], "Device or resource busy", times=1)

    with pytest.raises(HostError) as caught:
        bind_card(verbs, card[0])

    assert caught.value.code == "bind-failed"
    assert tree() == before


@pytest.mark.parametrize("verb", ["override", "unbind", "probe"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_bind_that_the_kernel_blocks_leaves_that_function_alone_and_the_others_as_they_were(
    machine: Machine, verbs: FakeKernel, tree: Tree, verb: str, which: int
) -> None:
    card = machine.card_with_audio("0000:42:00", group=11)
    before, bindings = tree(), [read_binding(machine.root, one) for one in card]
    verbs.hang(verb, card[which], times=1)

    with pytest.raises(HostError) as caught:
        bind_card(verbs, card[0])
    during = [one.code for one in preflight_bind(verbs, card[0])]
    other = read_binding(machine.root, card[1 - which])
    verbs.finish(card[which])
    release_card(verbs, Bound(Mode.VFIO, tuple(bindings)))

    assert (caught.value.code, during) == ("kernel-blocked", ["kernel-unsettled"])
    assert other == bindings[1 - which]
    assert tree() == before


def test_a_probe_that_does_nothing_is_seen_at_the_deadline(machine: Machine, verbs: FakeKernel) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    verbs.ignore("probe", gpu)

    with pytest.raises(HostError) as caught:
        bind_card(verbs, gpu, patience=0.1)

    assert "Its driver is now none" in caught.value.detail


def test_an_unknown_mode_is_refused_and_nothing_changes(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    before = tree()

    with pytest.raises(BadInput) as caught:
        bind_card(verbs, gpu, "vfio_pci")

    assert caught.value.code == "unknown-mode"
    assert tree() == before


def _foreign(machine: Machine) -> PciAddress:
    return machine.behind_bridge("0000:01", group=7)[0]


def _held(machine: Machine) -> PciAddress:
    gpu = machine.function("0000:41:00.0", "10de:20b5", "030200", group=10, driver="nouveau", files={"drm/card0/x": ""})
    machine.hold(812, "Xorg", "/dev/dri/card0")
    return gpu


def _framebuffer(machine: Machine) -> PciAddress:
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.write("proc/iomem", f"00000000-00000000 : {gpu}\n  00000000-00000000 : BOOTFB")
    return gpu


def _module(machine: Machine) -> PciAddress:
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    machine.write("proc/sys/kernel/osrelease", "6.1.0-cloud")
    machine.write("lib/modules/6.1.0-cloud/modules.dep", "kernel/drivers/pci/pci-stub.ko:")
    return machine.gpu("0000:41:00.0", group=10)


def _vgpu(machine: Machine) -> PciAddress:
    machine.function("0000:26:00.0", "10de:26b9", "030200", group=24, driver="nvidia", total_vfs=4)
    files = {"nvidia/current_vgpu_type": "0", "nvidia/creatable_vgpu_types": "1145 : L40S-1B"}
    return machine.vf("0000:26:00.0", 0, "10de:26b9", group=70, driver="nvidia", files=files)


OBSTACLES: dict[str, Callable[[Machine], PciAddress]] = {
    "device-vanished": lambda machine: PciAddress("0000:99:00.0"),
    "no-iommu": lambda machine: machine.function("0000:41:00.0", "10de:20b5", "030200", group=None, driver="nouveau"),
    "group-not-viable": _foreign,
    "device-held": _held,
    "boot-framebuffer": _framebuffer,
    "vfs-enabled": lambda machine: machine.sriov("0000:43", vfs=2, group=12)[0],
    "vgpu-vf": _vgpu,
    "no-vfio": _module,
}


@pytest.mark.parametrize("code", OBSTACLES)
def test_each_obstacle_is_told_before_and_refuses(machine: Machine, verbs: FakeKernel, tree: Tree, code: str) -> None:
    address = OBSTACLES[code](machine)
    before = tree()

    told = preflight_bind(verbs, address)
    with pytest.raises(HostError) as caught:
        bind_card(verbs, address)

    assert [one.code for one in told] == [code]
    assert caught.value.code == code
    assert tree() == before


def test_a_reserved_card_is_recognised_and_comes_back(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    (machine.root / "sys/bus/pci/drivers/pci-stub").mkdir()
    card = machine.card_with_audio("0000:42:00", group=11)
    before = tree()

    bound = reserve_card(verbs, card[0])
    found = [one.name for one in reserved(Reading.read(machine.root))]
    release_card(verbs, bound)

    assert found == ["0000:42:00"]
    assert tree() == before


def test_a_card_that_does_not_survive_its_reset_stays_away_from_host_drivers(
    machine: Machine, verbs: FakeKernel, tree: Tree
) -> None:
    card = machine.card_with_audio("0000:42:00", group=11)
    bound = bind_card(verbs, card[0])
    before = tree()
    verbs.refuse("reset", card[1], "not ready 65535ms after FLR; giving up")

    with pytest.raises(HostError):
        release_card(verbs, bound)

    assert tree() == before
    assert drivers(machine, *card) == ["vfio-pci", "vfio-pci"]


def test_a_card_is_not_released_from_under_a_guest(machine: Machine, verbs: FakeKernel, tree: Tree) -> None:
    gpu = machine.gpu("0000:41:00.0", group=10)
    bound = bind_card(verbs, gpu)
    machine.hold(900, "qemu-system-x86", "/dev/vfio/10")
    before = tree()

    with pytest.raises(HostError) as caught:
        release_card(verbs, bound)

    assert caught.value.brief == "1 process holds 0000:41:00.0: qemu-system-x86 (900)"
    assert tree() == before
