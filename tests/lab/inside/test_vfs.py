"""Virtual functions of a real NVMe driver: made, handed out, held, removed."""

from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import WholeFunction
from busway.hardware import Machine, SysfsKernel, read_binding
from busway.hardware.binding import driver_of
from busway.hardware.handover import GivenBack, give_back, read_before, take
from busway.hardware.provision import is_laid_out, lay_out
from busway.hardware.verbs import bind_card, create_vfs, preflight_vfs, release_card, remove_vfs
from tests.lab.inside.holders import holding


def test_virtual_functions_are_made_handed_out_and_removed(verbs: SysfsKernel, nvme: PciAddress) -> None:
    made = create_vfs(verbs, nvme, 4, probe=False)
    again = create_vfs(verbs, nvme, 4)
    seen = Machine.read()
    groups = {seen.functions[vf].iommu_group for vf in made}
    bound = bind_card(verbs, made[1])
    driver = Machine.read().functions[made[1]].driver
    release_card(verbs, bound)
    remove_vfs(verbs, nvme)
    remove_vfs(verbs, nvme)

    assert again == made
    assert len(groups) == len(made) == 4
    assert {seen.functions[vf].parent for vf in made} == {nvme}
    assert driver == "vfio-pci"


def test_a_virtual_function_goes_to_a_guest_and_back_as_the_agent_does_it(verbs: SysfsKernel, nvme: PciAddress) -> None:
    first, _ = create_vfs(verbs, nvme, 2, probe=False)

    before = read_before(verbs.root, read_binding(verbs.root, first))
    take(verbs, WholeFunction(first, "1b36", "0010"))
    take(verbs, WholeFunction(first, "1b36", "0010"))
    during = driver_of(verbs.root, first)
    back = give_back(verbs, WholeFunction(first, "1b36", "0010"), before)
    remove_vfs(verbs, nvme)

    assert (before.driver, during) == (None, "vfio-pci")
    assert back == GivenBack(None, reset=True)


def test_virtual_functions_that_somebody_has_are_not_removed(
    verbs: SysfsKernel, nvme: PciAddress, picture: Callable[[], dict[str, object]]
) -> None:
    first, _ = create_vfs(verbs, nvme, 2, probe=False)
    bound = bind_card(verbs, first)
    group = Machine.read().functions[first].iommu_group
    before = picture()

    with holding(f"/dev/vfio/{group}") as process, pytest.raises(HostError) as caught:
        remove_vfs(verbs, nvme)
    after = picture()
    release_card(verbs, bound)
    told = [one.code for one in preflight_vfs(verbs, nvme, 1)]
    remove_vfs(verbs, nvme)

    assert caught.value.code == "device-held"
    assert f"sh ({process.pid})" in caught.value.brief
    assert after == before
    assert told == ["vfs-enabled"]


def test_more_than_there_can_be_and_a_device_without_any_are_refused(
    verbs: SysfsKernel, nvme: PciAddress, gpu: PciAddress
) -> None:
    assert [one.code for one in preflight_vfs(verbs, nvme, 5)] == ["too-many-vfs"]
    assert [one.code for one in preflight_vfs(verbs, gpu, 1)] == ["no-sriov"]


def test_declared_virtual_functions_are_made_kept_under_a_user_and_changed_when_they_are_idle(
    verbs: SysfsKernel, nvme: PciAddress
) -> None:
    two, three = SriovLayout(nvme, 2, "vfio-pci"), SriovLayout(nvme, 3)
    lay_out(verbs, two, {})
    made = Machine.read()
    first, second = sorted(one.address for one in made if one.parent == nvme)
    drivers, is_made = [made.functions[vf].driver for vf in (first, second)], is_laid_out(made, two, {})
    with pytest.raises(HostError) as caught:
        lay_out(verbs, three, {first: "server-1"})
    is_kept = is_laid_out(Machine.read(), two, {})
    lay_out(verbs, three, {})
    is_changed = is_laid_out(Machine.read(), three, {})
    lay_out(verbs, SriovLayout(nvme, 0), {})
    lay_out(verbs, SriovLayout(nvme, 0), {})

    assert (is_made, drivers) == (True, ["vfio-pci", "vfio-pci"])
    assert (caught.value.code, is_kept, is_changed) == ("vfs-in-use", True, True)


def test_more_than_there_can_be_costs_nothing_of_what_is_there(verbs: SysfsKernel, nvme: PciAddress) -> None:
    lay_out(verbs, SriovLayout(nvme, 2), {})

    with pytest.raises(HostError) as caught:
        lay_out(verbs, SriovLayout(nvme, 5), {})
    kept = is_laid_out(Machine.read(), SriovLayout(nvme, 2), {})
    remove_vfs(verbs, nvme)

    assert (caught.value.code, kept) == ("too-many-vfs", True)
