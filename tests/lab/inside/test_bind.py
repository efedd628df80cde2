"""Bind, release and reserve on a real kernel, with holders and strangers in the group."""

from collections.abc import Callable

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.domain.units import WholeFunction
from busway.hardware import Card, Machine, SysfsKernel
from busway.hardware.handover import preflight
from busway.hardware.verbs import bind_card, preflight_bind, preflight_release, release_card
from tests.lab.inside.holders import holding, is_viable

Picture = Callable[[], dict[str, object]]


def test_a_function_alone_is_not_viable_and_the_whole_card_is(verbs: SysfsKernel, pair: Card) -> None:
    main, audio = (one.address for one in pair.functions)
    (told,) = preflight(verbs, WholeFunction(main, pair.main.vendor_id, pair.main.product_id))
    assert told.code == "group-not-viable"
    assert str(audio) in told.detail
    assert "snd_hda_intel" in told.detail

    verbs.override(main, "vfio-pci")
    verbs.probe(main)
    alone = is_viable(pair.iommu_group)
    verbs.unbind(main)
    verbs.override(main, "")
    bound = bind_card(verbs, main)
    whole = is_viable(pair.iommu_group)
    all_reset = release_card(verbs, bound)

    assert (alone, whole) == (False, True)
    assert not all_reset  # two functions share the bus, so the kernel resets neither alone


def test_a_gpu_that_a_program_draws_on_is_refused_and_the_program_named(
    verbs: SysfsKernel, gpu: PciAddress, picture: Picture
) -> None:
    node = next(node for node in Machine.read().functions[gpu].nodes if node.startswith("/dev/dri/card"))
    before = picture()

    with holding(node) as process, pytest.raises(HostError) as caught:
        bind_card(verbs, gpu)

    assert caught.value.code == "device-held"
    assert f"sh ({process.pid})" in caught.value.brief
    assert picture() == before


def test_a_card_is_not_released_from_under_who_has_its_group(
    verbs: SysfsKernel, gpu: PciAddress, picture: Picture
) -> None:
    bound = bind_card(verbs, gpu)
    group = Machine.read().functions[gpu].iommu_group
    before = picture()

    with holding(f"/dev/vfio/{group}") as process:
        told = preflight_release(verbs, bound)
        with pytest.raises(HostError) as caught:
            release_card(verbs, bound)
    after = picture()
    all_reset = release_card(verbs, bound)

    assert [one.code for one in told] == [caught.value.code] == ["device-held"]
    assert f"sh ({process.pid})" in caught.value.brief
    assert after == before
    assert all_reset


def test_a_stranger_with_a_host_driver_in_the_group_is_named(
    verbs: SysfsKernel, bridged: tuple[PciAddress, PciAddress], picture: Picture
) -> None:
    gpu, edu = bridged
    before = picture()

    with pytest.raises(HostError) as caught:
        bind_card(verbs, edu)

    assert caught.value.code == "group-not-viable"
    assert f"{gpu}" in str(caught.value)
    assert "bochs-drm" in str(caught.value)
    assert picture() == before


def test_a_stranger_without_a_driver_does_not_disturb_a_group(
    verbs: SysfsKernel, bridged: tuple[PciAddress, PciAddress]
) -> None:
    gpu, _ = bridged

    bound = bind_card(verbs, gpu)
    group = Machine.read().functions[gpu].iommu_group
    viable = is_viable(group)
    release_card(verbs, bound)

    assert viable


def test_an_unknown_mode_and_an_absent_device_are_refused(verbs: SysfsKernel, gpu: PciAddress) -> None:
    with pytest.raises(BadInput) as caught:
        bind_card(verbs, gpu, "uio_pci_generic")

    assert caught.value.code == "unknown-mode"
    assert [one.code for one in preflight_bind(verbs, PciAddress("0000:ee:00.0"))] == ["device-vanished"]


def test_a_bridge_is_no_card(verbs: SysfsKernel, gpu: PciAddress) -> None:
    port = Machine.read().functions[gpu].bridges[-1]

    with pytest.raises(HostError):
        bind_card(verbs, port)
