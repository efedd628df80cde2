"""The real kernel keeps the contracts that its fakes keep."""

import pytest

from busway.domain.address import PciAddress
from busway.hardware import Card, SysfsKernel
from busway.testing.device_contract import DeviceContract


class TestVerbs(DeviceContract):
    @pytest.fixture
    def verbs(self) -> SysfsKernel:
        return SysfsKernel()

    @pytest.fixture
    def card(self, pair: Card) -> PciAddress:
        return pair.companions[0].address

    @pytest.fixture
    def driven(self, gpu: PciAddress) -> PciAddress:
        return gpu

    @pytest.fixture
    def pf(self, nvme: PciAddress) -> PciAddress:
        return nvme
