"""What weakens a host's isolation of devices."""

from pathlib import Path

import pytest

from busway.domain.host_facts import ACS_OVERRIDE, UNSAFE_INTERRUPTS
from busway.hardware.isolation import UNSAFE_PARAMETERS, read_unsafe
from busway.testing.machines import Machine


def test_a_host_that_isolates_tells_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("proc/cmdline", "ro quiet intel_iommu=on")
    for path in UNSAFE_PARAMETERS:
        machine.write(path, "N\n")

    assert read_unsafe(tmp_path) == ()
    assert read_unsafe(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("path", UNSAFE_PARAMETERS)
def test_interrupts_that_need_no_remapping_are_told(tmp_path: Path, path: str) -> None:
    Machine(tmp_path).write(path, "Y\n")

    assert read_unsafe(tmp_path) == (UNSAFE_INTERRUPTS,)


def test_groups_that_the_kernel_was_told_to_split_are_told(tmp_path: Path) -> None:
    Machine(tmp_path).write("proc/cmdline", "ro pcie_acs_override=downstream,multifunction quiet")

    assert read_unsafe(tmp_path) == (ACS_OVERRIDE,)
