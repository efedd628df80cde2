"""PCI addresses as Linux writes them: `domain:bus:slot.function`, all hexadecimal."""

from __future__ import annotations

import re
from functools import total_ordering

from busway.domain.errors import BadInput

_FORM = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)


@total_ordering
class PciAddress:
    """The address of one PCI function; immutable, hashable, ordered by its numbers.

    The domain has 16 bits on most machines and 32 behind some bridges (VMD), where Linux writes up to eight digits.
    """

    __slots__ = ("bus", "domain", "function", "slot")

    domain: int
    bus: int
    slot: int
    function: int

    def __init__(self, text: str) -> None:
        match = _FORM.fullmatch(text.strip())
        if match is None or int(match[3], 16) > 0x1F:
            raise BadInput(
                f"'{text}' is not a PCI address",
                detail="A PCI address is domain:bus:slot.function in hexadecimal, slot at most 1f, function at most 7.",
                remedy="Write it as `lspci -D` prints it, such as 0000:81:00.0.",
                code="invalid-pci-address",
            )
        for name, digits in zip(("domain", "bus", "slot", "function"), match.groups(), strict=True):
            object.__setattr__(self, name, int(digits, 16))

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """Domain, bus, slot and function as integers."""
        return self.domain, self.bus, self.slot, self.function

    @property
    def slot_name(self) -> str:
        """The address without its function: what the functions of one card in one slot share."""
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"PciAddress is immutable: {name} = {value!r}")

    def __str__(self) -> str:
        return f"{self.slot_name}.{self.function:x}"

    def __repr__(self) -> str:
        return f"PciAddress('{self}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PciAddress) and self.numbers == other.numbers

    def __lt__(self, other: PciAddress) -> bool:
        return self.numbers < other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __reduce__(self) -> tuple[type[PciAddress], tuple[str]]:
        return PciAddress, (str(self),)
