"""Which addresses a device spec means: text with whole-field wildcards, or one regular expression per field.

Nova's rules, pitfalls included: a wildcard stands for a whole field, and an expression must match from the start of its
field but need not reach the end ("8" also matches 8a).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from busway.domain.address import PciAddress

MAXIMA = {"domain": 0xFFFF, "bus": 0xFF, "slot": 0x1F, "function": 0x7}
_FORMATS = {"domain": "04x", "bus": "02x", "slot": "02x", "function": "x"}
_HEX = re.compile(r"(0[xX])?[0-9a-fA-F]+")
_CONCRETE = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")


class BadAddress(Exception):
    """An address can't be read; the message names the field and the rule."""


@dataclass(frozen=True, slots=True)
class AddressGlob:
    """A PCI address with whole-field wildcards; None matches any value of its field."""

    domain: int | None = None
    bus: int | None = None
    slot: int | None = None
    function: int | None = None

    def matches(self, address: PciAddress) -> bool:
        """True when each field that is given is equal."""
        wanted = (self.domain, self.bus, self.slot, self.function)
        return all(want is None or want == have for want, have in zip(wanted, address.numbers, strict=True))

    @property
    def is_concrete(self) -> bool:
        """True when it names exactly one function."""
        return None not in (self.domain, self.bus, self.slot, self.function)

    @property
    def is_any(self) -> bool:
        """True when it matches every address."""
        return self == ANY_ADDRESS

    def values(self, field: str) -> frozenset[int]:
        """The numbers that a field may have."""
        number: int | None = getattr(self, field)
        return _every(field) if number is None else frozenset({number})

    def __str__(self) -> str:
        texts = ["*" if (n := getattr(self, field)) is None else format(n, _FORMATS[field]) for field in MAXIMA]
        return f"{':'.join(texts[:3])}.{texts[3]}"


@dataclass(frozen=True, slots=True)
class AddressRegex:
    """One regular expression per field, matched from the start of the field's lower-case digits."""

    domain: re.Pattern[str]
    bus: re.Pattern[str]
    slot: re.Pattern[str]
    function: re.Pattern[str]

    def matches(self, address: PciAddress) -> bool:
        """True when every expression matches."""
        digits = (format(n, _FORMATS[field]) for n, field in zip(address.numbers, MAXIMA, strict=True))
        patterns = (self.domain, self.bus, self.slot, self.function)
        return all(pattern.match(text) for pattern, text in zip(patterns, digits, strict=True))

    @property
    def is_concrete(self) -> bool:
        """True when its expressions are plain digits that spell one function as Linux does."""
        return _CONCRETE.fullmatch(str(self)) is not None

    @property
    def is_any(self) -> bool:
        """True when every expression is the default."""
        return all(getattr(self, field).pattern == ".*" for field in MAXIMA)

    def values(self, field: str) -> frozenset[int]:
        """The numbers that a field may have."""
        return matched_values(field, getattr(self, field))

    def __str__(self) -> str:
        return f"{self.domain.pattern}:{self.bus.pattern}:{self.slot.pattern}.{self.function.pattern}"


AddressMatch = AddressGlob | AddressRegex
ANY_ADDRESS = AddressGlob()


@lru_cache(maxsize=256)
def matched_values(field: str, pattern: re.Pattern[str]) -> frozenset[int]:
    """The numbers of a field whose digits an expression matches from the start."""
    return frozenset(n for n in range(MAXIMA[field] + 1) if pattern.match(format(n, _FORMATS[field])))


def digits_of(field: str, number: int) -> str:
    """A field's number as Linux writes it."""
    return format(number, _FORMATS[field])


def parse_hex(value: str) -> int | None:
    """Reads hexadecimal digits with or without 0x; None for anything else."""
    text = value.strip()
    return int(text, 16) if _HEX.fullmatch(text) else None


def parse_address_glob(value: str) -> AddressGlob:
    """Reads an address with wildcards: "0000:81:00.0", "*:81:00.*", "81:00", ".1" or ""; raises `BadAddress`."""
    address, _, function = value.strip().partition(".")
    fields = address.split(":") if address else []
    if len(fields) > 3:
        raise BadAddress(f"The address '{value}' has more than domain:bus:slot.function")
    padded = [""] * (3 - len(fields)) + fields
    return AddressGlob(
        *(_glob_field(value, field, part.strip()) for field, part in zip(MAXIMA, (*padded, function), strict=True))
    )


def parse_address_regex(entry: dict[str, object]) -> AddressRegex:
    """Reads an object of expressions; other keys than the four fields are left aside. Raises `BadAddress`."""
    return AddressRegex(*(_regex_field(field, entry.get(field, ".*")) for field in MAXIMA))


def _glob_field(address: str, field: str, part: str) -> int | None:
    if part in ("", "*"):
        return None
    number = parse_hex(part)
    if number is None:
        raise BadAddress(
            f"The {field} ('{part}') of address '{address}' is not a hexadecimal number; a wildcard is a whole field"
        )
    if number > MAXIMA[field]:
        raise BadAddress(f"The {field} {part} of address '{address}' is greater than {MAXIMA[field]:X}")
    return number


def _regex_field(field: str, value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise BadAddress(f"The {field} of the address must be a regular expression in a string")
    try:
        return re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadAddress(f"The {field} of the address, '{value}', is not a regular expression: {error}") from error


def _every(field: str) -> frozenset[int]:
    return frozenset(range(MAXIMA[field] + 1))
