"""Whether the kernel shares CPU time out among groups of processes: the controller `cpu` of cgroups, of either version."""

from __future__ import annotations

from pathlib import Path

_V2 = ("sys/fs/cgroup/cgroup.controllers", "sys/fs/cgroup/unified/cgroup.controllers")
_V1 = "sys/fs/cgroup/cpu/cpu.shares"


def shares_cpus(root: Path) -> bool:
    """True where libvirt can limit the CPU time of guests; with a `cgroup_controllers` of its qemu.conf it still may not."""
    for name in _V2:
        path = root / name
        if path.exists() and "cpu" in path.read_text(encoding="ascii").split():
            return True
    return (root / _V1).exists()
