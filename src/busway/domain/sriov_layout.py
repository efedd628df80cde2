"""How many virtual functions a physical one must have on its host, and which driver those have that nobody uses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, InvalidConfig

MAX_VFS = 65535  # NumVFs has 16 bits
_WORDS = re.compile(r"(?P<address>[^=]+)=(?P<count>[0-9]{1,5})(?:,(?P<driver>[\w-]{1,64}))?", re.ASCII)
_EXAMPLE = "0000:81:00.0=4, or with a driver for idle VFs 0000:81:00.0=4,vfio-pci"


@dataclass(frozen=True, slots=True)
class SriovLayout:
    """`count` VFs of the PF at `address`; without a `driver` no host driver takes them. A count of 0 is none at all."""

    address: PciAddress
    count: int
    driver: str | None = None


def parse_layout(text: str) -> SriovLayout:
    """Reads "ADDRESS=COUNT[,DRIVER]"; raises `InvalidConfig`."""
    match = _WORDS.fullmatch(text.strip())
    if match is None or int(match["count"]) > MAX_VFS:
        raise _bad(text, f"COUNT is 0 to {MAX_VFS}.")
    try:
        return SriovLayout(PciAddress(match["address"]), int(match["count"]), match["driver"])
    except BadInput as error:
        raise _bad(text, f"{error.brief}.") from error


def _bad(text: str, words: str) -> InvalidConfig:
    brief = f"'{text}' is not ADDRESS=COUNT[,DRIVER]"
    return InvalidConfig(brief, detail=words, remedy=f"Write {_EXAMPLE}.", code="invalid-vfs")
