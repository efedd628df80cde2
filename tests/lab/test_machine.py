from __future__ import annotations

import os
from pathlib import Path

import pytest

from busway.lab.machine import Machine, command

GOLDEN = Path(__file__).parent / "golden"

MACHINES = {
    "host-1": Machine(1, modules="/cache/modules"),
    "host-2-no-iommu": Machine(2, gpus=1, iommu=False, kernel_arguments="intel_iommu=on loglevel=8"),
    "host-2-linked": Machine(2, gpus=0, peer=1),
    "host-1-clock": Machine(1, gpus=0, tsc_khz=2596138),
    "host-1-kvm": Machine(1, gpus=0, accel="kvm"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_command_line_is_as_written_down(name: str) -> None:
    lines = " ".join(command(MACHINES[name])).replace(" -", "\n-") + "\n"

    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("BUSWAY_REWRITE_GOLDEN"):
        golden.write_text(lines)
    assert lines == golden.read_text()


def test_hosts_differ_in_all_that_names_them() -> None:
    first, second = Machine(1), Machine(2)

    for fact in ("name", "address", "uuid"):
        assert getattr(first, fact) != getattr(second, fact)
    assert len({machine.mac(nic) for machine in (first, second) for nic in (0, 1)}) == 4


def test_a_machine_under_tcg_has_one_vcpu() -> None:
    args = command(Machine(1))

    assert args[args.index("-smp") + 1] == "1"
