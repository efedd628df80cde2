"""Whether a host can limit the CPU time of guests."""

from pathlib import Path

import pytest

from busway.hardware.cpu_cgroup import shares_cpus
from busway.testing.machines import Machine


@pytest.mark.parametrize(
    ("path", "text", "can"),
    [
        ("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory", True),
        ("sys/fs/cgroup/cgroup.controllers", "cpuset io memory", False),
        ("sys/fs/cgroup/unified/cgroup.controllers", "cpu", True),
        ("sys/fs/cgroup/cpu/cpu.shares", "1024", True),
        ("sys/fs/cgroup/memory/tasks", "", False),
    ],
)
def test_the_controller_of_cpus_is_found_in_either_version(tmp_path: Path, path: str, text: str, can: bool) -> None:
    Machine(tmp_path).write(path, f"{text}\n")
    assert shares_cpus(tmp_path) is can
