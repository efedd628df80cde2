import pytest

from busway.domain.device import PciDevice
from busway.hardware import KernelVerbs, scan
from busway.testing.kernel import FakeKernel
from busway.testing.kernel_contract import KernelContract
from busway.testing.machines import Machine


class TestFakeKernel(KernelContract):
    @pytest.fixture
    def kernel(self, machine: Machine) -> KernelVerbs:
        return FakeKernel(machine.root)

    @pytest.fixture
    def device(self, machine: Machine) -> PciDevice:
        machine.gpu("0000:41:00.0", group=10)
        return scan(machine.root)[0]
