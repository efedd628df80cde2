"""Reads the parts of a line: errno, guest addresses, Xid numbers, fault reasons, AER bits; each becomes words."""

from __future__ import annotations

import errno as errors
import os
import re
from collections.abc import Callable

from busway.doctor.why.entries import read_table

_TOP_OF_LOW_RAM = 0xC000_0000  # QEMU keeps guest RAM below it on q35 (2 GiB with large memory), PCI memory above
_FOUR_GIB = 1 << 32
_SPELLINGS = {os.strerror(number).lower(): name for number, name in errors.errorcode.items()}


def read_parts(groups: dict[str, str]) -> dict[str, str]:
    """The groups that a pattern has caught, with what follows from them."""
    found = dict(groups)
    for name, read in _READERS.items():
        if name in groups:
            found |= read(groups[name], groups)
    return found


def errno_of(text: str) -> str:
    """The name of an errno that is written as a number (-12) or in words (Cannot allocate memory); "" for another."""
    if re.fullmatch(r"-?\d{1,3}", text):
        return errors.errorcode.get(abs(int(text)), "")
    return _SPELLINGS.get(text.strip().lower(), "")


def _errno(text: str, _groups: dict[str, str]) -> dict[str, str]:
    name = errno_of(text)
    return {"errno": name or text, "errno_words": os.strerror(getattr(errors, name)) if name else text}


def _place(text: str, groups: dict[str, str]) -> dict[str, str]:
    """Where in the guest's addresses something lies; its bits are what an IOMMU needs to reach it."""
    start = int(text, 16)
    last = start + max(int(groups.get("size") or "1", 16), 1) - 1
    bits = last.bit_length()
    if start < _TOP_OF_LOW_RAM:
        where = f"guest RAM at {_size(start)}"
    elif start < _FOUR_GIB:
        where = f"a device's memory (BAR) below 4 GiB, at {text}"
    elif bits > 39:
        where = f"address {text}, which needs {bits} bits: a BAR above the guest's RAM, or RAM beyond 512 GiB"
    else:
        where = f"guest RAM above 4 GiB, or a BAR, at {text}"
    return {"place": where, "bits": str(bits), "reach": "far" if bits > 39 else "near"}


def _size(value: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value}"


def _xid(text: str, _groups: dict[str, str]) -> dict[str, str]:
    known = read_table("xids")["xid"].get(text)
    act, means = (known["act"], known["means"]) if known else ("contact", "not in NVIDIA's table of today")
    return {"xid_means": means, "xid_act": act, "xid_do": read_table("xids")["act"][act]}


def _reason(table: str) -> Callable[[str, dict[str, str]], dict[str, str]]:
    def read(text: str, _groups: dict[str, str]) -> dict[str, str]:
        number = f"{int(text, 16):02x}" if re.fullmatch(r"(?:0x)?[0-9a-f]{1,4}", text, re.IGNORECASE) else text.lower()
        words = read_table("reasons")[table].get(number)
        return {f"{table}_means": words or "a reason that is not in the table known here"}

    return read


def _amd_flags(text: str, _groups: dict[str, str]) -> dict[str, str]:
    """The flags of an AMD event: bit 5 is a write, bit 3 an interrupt, bit 4 a page that is there and forbidden."""
    flags = int(text, 16)
    what = "an interrupt" if flags & 8 else "a write" if flags & 32 else "a read"
    why = "the page is there and does not allow it" if flags & 16 else "nothing is mapped there"
    return {"amd_access": what, "amd_why": why}


_READERS: dict[str, Callable[[str, dict[str, str]], dict[str, str]]] = {
    "errno": _errno,
    "iova": _place,
    "xid": _xid,
    "dmar": _reason("dmar"),
    "smmu": _reason("smmu"),
    "amdvi": _reason("amdvi"),
    "aer": _reason("aer"),
    "suberror": _reason("suberror"),
    "flags": _amd_flags,
}
