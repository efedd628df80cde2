"""A machine with as many functions as one likes: for measuring, and for finding what grows too fast."""

from __future__ import annotations

from pathlib import Path

from busway.domain.address import PciAddress
from busway.hardware.bar import Bar
from busway.testing.machines import Machine

_MIB, _GIB = 1 << 20, 1 << 30
_VFS = 32  # for each GPU


def large(root: Path, functions: int) -> Machine:
    """Builds GPUs with 32 VFs each behind root ports of two sockets, until there are `functions` functions."""
    machine = Machine(root)
    machine.numa(["0-63,128-191", "64-127,192-255"])
    made, bus = 0, 0
    while made < functions:
        node, number = bus % 2, bus
        port, pf = f"{number:04x}:00:01.0", f"{number:04x}:01:00.0"
        machine.bridge(port, group=100 * number, node=node)
        machine.function(
            pf, "10de:2236", "030200", group=100 * number + 1, node=node, driver="nvidia", subsystem="10de:1482",
            total_vfs=_VFS, under=port, bars=_bars(number, 64 * _GIB), files=_LINK,
        )  # fmt: skip
        made, bus = made + 2, bus + 1
        for vf in range(min(_VFS, functions - made)):
            _vf(machine, pf, vf, 100 * number + 2 + vf, node)
            made += 1
    return machine


def _vf(machine: Machine, pf: str, number: int, group: int, node: int) -> PciAddress:
    return machine.vf(
        pf, number, "10de:2236", group=group, node=node, driver="nvidia", subsystem="10de:0000", files=_LINK
    )


def _bars(number: int, size: int) -> list[Bar]:
    base = (number + 1) * 1024 * _GIB
    return [
        Bar(0, 16 * _MIB, 0xA0000000),
        Bar(1, size, base, is_64bit=True, is_prefetchable=True),
        Bar(3, 32 * _MIB, base + size, is_64bit=True, is_prefetchable=True),
    ]


_LINK = {
    "current_link_speed": "16.0 GT/s PCIe", "max_link_speed": "16.0 GT/s PCIe",
    "current_link_width": "16", "max_link_width": "16",
}  # fmt: skip
