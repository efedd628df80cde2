"""A reset by the method that was chosen, on a real kernel; and whom it would hit."""

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import Card, SysfsKernel
from busway.hardware.verbs import ResetMethod, bind_card, preflight_reset, release_card, reset_function


def test_each_method_that_the_kernel_offers_works_and_leaves_the_list(
    verbs: SysfsKernel, virtio_gpu: PciAddress
) -> None:
    bound = bind_card(verbs, virtio_gpu)

    done = [reset_function(verbs, virtio_gpu, method) for method in ("flr", "pm", "bus", None)]
    release_card(verbs, bound)

    assert done == [ResetMethod.FLR, ResetMethod.PM, ResetMethod.BUS, ResetMethod.FLR]


def test_a_method_that_is_not_offered_is_refused(verbs: SysfsKernel, gpu: PciAddress, pair: Card) -> None:
    (told,) = preflight_reset(verbs, gpu, "flr")

    assert told.code == "no-reset"
    assert "bus" in told.detail
    assert [one.code for one in preflight_reset(verbs, pair.companions[0].address)] == ["no-reset"]


def test_a_device_that_the_host_uses_is_not_reset(verbs: SysfsKernel, gpu: PciAddress) -> None:
    with pytest.raises(HostError) as caught:
        reset_function(verbs, gpu, "bus")

    assert caught.value.code == "reset-in-use"
    assert "bochs-drm" in caught.value.detail
