"""The boot framebuffer: memory of a display that the firmware set up and the host still draws to.

While it is there, the kernel keeps the GPU's BAR busy: "BAR 1: can't reserve". /proc/iomem shows it inside the BAR. To
others than root the kernel prints all addresses there as zero; the indentation still tells what lies inside what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from busway.domain.address import PciAddress
from busway.hardware.tree import find_text, parse_address

_LINE = re.compile(r"( *)([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.*)", re.ASCII)
_NAMES = frozenset({"BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm", "simple-framebuffer", "ofdrm"})


@dataclass(frozen=True, slots=True)
class Framebuffer:
    """A boot framebuffer and the function in whose BAR it lies; start and end are 0 when read without root.

    `names` are the kernel's, from the outside in: ("BOOTFB", "simpledrm").
    """

    start: int
    end: int
    names: tuple[str, ...]
    function: PciAddress | None


@dataclass(frozen=True, slots=True)
class _Region:
    depth: int
    start: int
    end: int
    name: str


def read_framebuffers(root: Path) -> tuple[Framebuffer, ...] | None:
    """Reads the boot framebuffers of the machine; None when /proc/iomem can't be read."""
    text = find_text(f"{root}/proc/iomem")
    if not text:
        return None
    found: list[Framebuffer] = []
    path: list[_Region] = []
    for region in filter(None, map(_parse, text.splitlines())):
        while path and path[-1].depth >= region.depth:
            path.pop()
        path.append(region)
        if region.name in _NAMES:
            _add(found, path)
    return tuple(found)


def framebuffer_in(framebuffers: Iterable[Framebuffer] | None, address: PciAddress) -> Framebuffer | None:
    """The boot framebuffer that lies in a BAR of this function."""
    return next((found for found in framebuffers or () if found.function == address), None)


def _add(found: list[Framebuffer], path: list[_Region]) -> None:
    """Adds a framebuffer, or its driver's name to the framebuffer that it lies in."""
    inner = path[-1]
    if len(path) > 1 and path[-2].name in _NAMES and found:
        last = found.pop()
        found.append(Framebuffer(last.start, last.end, (*last.names, inner.name), last.function))
        return
    owners = [address for region in reversed(path[:-1]) if (address := parse_address(region.name))]
    found.append(Framebuffer(inner.start, inner.end, (inner.name,), owners[0] if owners else None))


def _parse(line: str) -> _Region | None:
    match = _LINE.fullmatch(line.rstrip())
    return _Region(len(match[1]), int(match[2], 16), int(match[3], 16), match[4].strip()) if match else None
