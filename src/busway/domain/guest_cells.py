"""The NUMA cells of a guest, as a flavor (`hw:numa_nodes`) or an image (`hw_numa_nodes`) asks for them.

`hw:numa_cpus.N` (a list of the guest's CPUs) and `hw:numa_mem.N` (MB) size the cells; without them the shares are
equal. Nova refuses what does not divide evenly; here the first cells get one more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from busway.domain.errors import Forbidden, InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.placement import GuestCell
from busway.domain.text import shortened, whole_number

_NODES, _CPUS, _MEMORY = "hw:numa_nodes", "hw:numa_cpus.", "hw:numa_mem."
MOST_CELLS = 64
# Nova's length of a flavor's extra spec; an image's property of that meaning may not be longer either.
MOST_CHARS = 255
_MOST_MEMORY = 0x7FFFFFFF
_CPU_LIST = re.compile(r"[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*", re.ASCII)


def guest_cells(flavor: Flavor, image_properties: Mapping[str, str]) -> tuple[int, tuple[GuestCell, ...]]:
    """How many NUMA cells a guest has (0 for none), and their sizes where they are given.

    Errors: `InvalidExtraSpec` for what can't be understood, `Forbidden` when flavor and image both size the guest.
    """
    specs, number = _numa_specs(flavor, image_properties)
    sizes = [key for key in specs if key.startswith((_CPUS, _MEMORY))]
    if number == 0 and sizes:
        raise InvalidExtraSpec(
            f"{sizes[0]} sizes a NUMA cell of a guest that has none", remedy=f"Set {_NODES} too, or unset it."
        )
    if not sizes:
        return number, ()
    lists = [_cpus(specs, n, flavor.vcpus) for n in range(number)]
    cells = tuple(GuestCell(len(cpus), _memory(specs, n)) for n, cpus in enumerate(lists))
    _check_sums(flavor, lists, cells)
    return number, cells


def _numa_specs(flavor: Flavor, image_properties: Mapping[str, str]) -> tuple[Mapping[str, str], int]:
    of_image = {
        key.replace("hw_", "hw:", 1): value for key, value in image_properties.items() if key.startswith("hw_numa_")
    }
    of_flavor = {key: value for key, value in flavor.extra_specs.items() if key.startswith("hw:numa_")}
    if _NODES in of_flavor and _NODES in of_image:
        raise Forbidden(
            "Both the image and the flavor set the guest's NUMA cells",
            detail=f"hw_numa_nodes={of_image[_NODES]} of the image, {_NODES}={of_flavor[_NODES]} of the flavor.",
            remedy="Choose an image without the property, or a flavor without the extra spec.",
            code="numa-cells-conflict",
        )
    specs = of_image if _NODES in of_image else of_flavor
    return specs, _count(specs[_NODES]) if _NODES in specs else 0


def _count(value: str) -> int:
    number = whole_number(value)
    if not 1 <= number <= MOST_CELLS:
        raise InvalidExtraSpec(
            f"{_NODES}={shortened(value)} is not a number of NUMA cells",
            detail=f"It must be a whole number from 1 to {MOST_CELLS}.",
            remedy=f"Set it like {_NODES}=1, or unset it for a guest without NUMA cells.",
        )
    return number


def _cpus(specs: Mapping[str, str], cell: int, vcpus: int) -> frozenset[int]:
    """The guest's CPUs of a cell; a list that names others is refused before it is spread out."""
    given = specs.get(f"{_CPUS}{cell}", "")
    value = given[: MOST_CHARS + 1].replace(" ", "")
    if len(given) > MOST_CHARS or not _CPU_LIST.fullmatch(value):
        raise _unsized(f"{_CPUS}{cell}", given, "the guest's CPUs of that cell", "0-3")
    found: set[int] = set()
    for part in value.split(","):
        first, _, last = part.partition("-")
        if int(last or first) >= vcpus:
            raise _unsized(f"{_CPUS}{cell}", given, f"some of the guest's CPUs 0 to {vcpus - 1}", "0-3")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _memory(specs: Mapping[str, str], cell: int) -> int:
    value = specs.get(f"{_MEMORY}{cell}", "")
    number = whole_number(value)
    if not 1 <= number <= _MOST_MEMORY:
        raise _unsized(f"{_MEMORY}{cell}", value, "the MB of RAM of that cell", "2048")
    return number


def _check_sums(flavor: Flavor, lists: list[frozenset[int]], cells: tuple[GuestCell, ...]) -> None:
    """Each CPU of the guest is in one cell, and the cells' RAM is the guest's, as in Nova."""
    if frozenset().union(*lists) != frozenset(range(flavor.vcpus)) or sum(map(len, lists)) != flavor.vcpus:
        raise InvalidExtraSpec(
            f"The lists {_CPUS}N do not contain each of the {flavor.vcpus} CPUs of flavor {flavor.name} exactly once",
            detail=f"They contain {', '.join(str(sorted(each)) for each in lists)}.",
            remedy=f"Give each of the CPUs 0 to {flavor.vcpus - 1} to one cell.",
        )
    if sum(cell.ram_mb for cell in cells) != flavor.ram_mb:
        raise InvalidExtraSpec(
            f"The sizes {_MEMORY}N do not add up to the {flavor.ram_mb} MB of flavor {flavor.name}",
            detail=f"They are {sum(cell.ram_mb for cell in cells)} MB.",
            remedy="Change one of them.",
        )


def _unsized(key: str, value: str, meaning: str, example: str) -> InvalidExtraSpec:
    return InvalidExtraSpec(
        f"{key}={shortened(value)} can't be read" if value else f"{key} is missing",
        detail=f"It must be {meaning}; if cells have sizes, every cell needs both.",
        remedy=f"Set it like {key}={example}, or unset all sizes for equal shares.",
    )
