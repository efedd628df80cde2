"""What a kernel must do with a device: the suite that the fake passes, and a real kernel with a spare device.

A test module subclasses `KernelContract` and overrides the fixtures `kernel` and `device`. The device must have a host
driver, a group of its own, and nobody that uses it.
"""

from __future__ import annotations

import pytest

from busway.domain.device import PciDevice
from busway.domain.errors import HostError
from busway.hardware.kernel import VFIO, KernelVerbs
from busway.hardware.scan import read_device
from busway.hardware.vfio import bind, driver_of, read_override, release


class KernelContract:
    """Each test gives the device back."""

    @pytest.fixture
    def kernel(self) -> KernelVerbs:
        """The kernel to be tried."""
        raise NotImplementedError

    @pytest.fixture
    def device(self) -> PciDevice:
        """A spare device with a host driver."""
        raise NotImplementedError

    def test_a_device_goes_to_vfio_and_comes_back(self, kernel: KernelVerbs, device: PciDevice) -> None:
        """Driver and override are as before in the end."""
        before = device.driver, read_override(kernel.root, device.address)
        previous = bind(kernel, device.address, device.vendor_id, device.product_id)
        during = driver_of(kernel.root, device.address)
        release(kernel, device.address, previous)
        after = driver_of(kernel.root, device.address), read_override(kernel.root, device.address)
        assert (previous, during, after) == (device.driver, VFIO, before)

    def test_both_are_harmless_when_done_twice(self, kernel: KernelVerbs, device: PciDevice) -> None:
        """A second bind finds vfio-pci, a second release the host driver."""
        bind(kernel, device.address, device.vendor_id, device.product_id)
        again = bind(kernel, device.address, device.vendor_id, device.product_id)
        release(kernel, device.address, device.driver)
        release(kernel, device.address, device.driver)
        assert again == VFIO
        assert driver_of(kernel.root, device.address) == device.driver

    def test_an_unbound_device_has_no_driver_and_a_probe_brings_its_own(
        self, kernel: KernelVerbs, device: PciDevice
    ) -> None:
        """Without an override the driver that knows the device takes it."""
        kernel.unbind(device.address)
        unbound = driver_of(kernel.root, device.address)
        kernel.unbind(device.address)
        kernel.probe(device.address)
        assert (unbound, driver_of(kernel.root, device.address)) == (None, device.driver)

    def test_an_override_is_read_back_and_cleared(self, kernel: KernelVerbs, device: PciDevice) -> None:
        """The kernel prints "(null)" for none; we read "" then."""
        kernel.override(device.address, VFIO)
        during = read_override(kernel.root, device.address)
        kernel.override(device.address, "")
        assert (during, read_override(kernel.root, device.address)) == (VFIO, "")

    def test_nobody_holds_the_group_of_a_spare_device(self, kernel: KernelVerbs, device: PciDevice) -> None:
        """Holders are found by open files."""
        assert device.iommu_group is not None
        assert kernel.holders(device.iommu_group) == ()

    def test_another_id_is_refused_and_changes_nothing(self, kernel: KernelVerbs, device: PciDevice) -> None:
        """What is at the address counts."""
        with pytest.raises(HostError) as caught:
            bind(kernel, device.address, "ffff", "0001")
        assert caught.value.code == "device-changed"
        seen = read_device(kernel.root, device.address)
        assert seen is not None
        assert seen.driver == device.driver
