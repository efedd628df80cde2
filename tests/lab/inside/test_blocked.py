"""A write that the kernel really blocks: vfio-pci is not unbound while a program has the device."""

import time

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import Binding, Machine, SysfsKernel
from busway.hardware.binding import driver_of
from busway.hardware.verbs import bind_card
from busway.hardware.verbs.bind import put_back
from tests.lab.inside.holders import using


def test_an_unbind_that_the_kernel_blocks_ends_at_its_deadline(verbs: SysfsKernel, gpu: PciAddress) -> None:
    bind_card(verbs, gpu)
    group = Machine.read().functions[gpu].iommu_group
    assert group is not None
    impatient = SysfsKernel(patience=1.0)

    with using(group, gpu):
        begun = time.monotonic()
        with pytest.raises(HostError) as caught:
            impatient.unbind(gpu)
        took = time.monotonic() - begun
        writers = SysfsKernel().unfinished(gpu)  # as the next agent asks, which did not start them
        with pytest.raises(HostError) as again:
            put_back(verbs, Binding(gpu, "bochs-drm"), 1.0)
    deadline = time.monotonic() + 30
    while driver_of(verbs.root, gpu) is not None or verbs.unfinished(
        gpu
    ):  # the kernel finishes what it was told once the program is gone
        assert time.monotonic() < deadline
        time.sleep(0.05)
    verbs.override(gpu, "")
    verbs.probe(gpu)

    assert caught.value.code == "kernel-blocked"
    assert took < 10
    assert len(writers) == 1
    assert again.value.code == "kernel-unsettled"
    assert verbs.unfinished(gpu) == ()
