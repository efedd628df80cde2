"""The real kernel keeps the contracts that its fakes keep."""

from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.hardware import Card, SysfsKernel, read_device
from busway.testing.device_contract import DeviceContract
from busway.testing.kernel_contract import KernelContract


class TestKernel(KernelContract):
    @pytest.fixture
    def kernel(self) -> SysfsKernel:
        return SysfsKernel()

    @pytest.fixture
    def device(self, gpu: PciAddress) -> PciDevice:
        device = read_device(Path("/"), gpu)
        assert device is not None
        return device


class TestVerbs(DeviceContract):
    @pytest.fixture
    def verbs(self) -> SysfsKernel:
        return SysfsKernel()

    @pytest.fixture
    def card(self, pair: Card) -> PciAddress:
        return pair.companions[0].address

    @pytest.fixture
    def pf(self, nvme: PciAddress) -> PciAddress:
        return nvme
