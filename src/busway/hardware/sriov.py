"""SR-IOV: what a physical function offers and has enabled."""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.hardware.slow_read import find_text_slowly
from busway.hardware.tree import find_number, link_name, list_names, parse_address, parse_number


@dataclass(frozen=True, slots=True)
class Sriov:
    """What a PF offers: `total` VFs at most, `enabled` now (None is unknown), and the VFs by their number."""

    total: int
    enabled: int | None
    vfs: tuple[PciAddress, ...] = ()


def read_sriov(folder: str) -> Sriov | None:
    """Reads SR-IOV of the function whose folder this is; None for a function without it."""
    total = find_number(f"{folder}/sriov_totalvfs")
    if total is None or total <= 0:
        return None
    enabled = parse_number(find_text_slowly(f"{folder}/sriov_numvfs") or "")
    return Sriov(total, enabled, _vfs(folder))


def _vfs(folder: str) -> tuple[PciAddress, ...]:
    numbers = sorted(int(name[6:]) for name in list_names(folder) if re.fullmatch(r"virtfn[0-9]{1,5}", name, re.ASCII))
    found = [parse_address(link_name(f"{folder}/virtfn{number}") or "") for number in numbers]
    return tuple(address for address in found if address is not None)
