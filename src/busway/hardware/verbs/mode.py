"""The closed lists of what may be asked for: a word that is not in them is refused, never taken for something near it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from busway.domain.errors import BadInput

_Word = TypeVar("_Word", bound=StrEnum)


class Mode(StrEnum):
    """Who a card is bound to: a guest's driver, or the one that only keeps others away."""

    VFIO = "vfio-pci"
    STUB = "pci-stub"


class ResetMethod(StrEnum):
    """How a function is reset, in the kernel's own words (`reset_method`)."""

    FLR = "flr"
    AF_FLR = "af_flr"
    PM = "pm"
    BUS = "bus"
    ACPI = "acpi"
    DEVICE_SPECIFIC = "device_specific"
    CXL_BUS = "cxl_bus"

    @property
    def is_wide(self) -> bool:
        """True when it resets everything below the bridge, not the function alone."""
        return self in (ResetMethod.BUS, ResetMethod.CXL_BUS)


def parse_mode(text: str) -> Mode:
    """Reads a mode; `BadInput` for any other word."""
    return _parse(Mode, text, "mode")


def parse_reset_method(text: str) -> ResetMethod:
    """Reads a reset method; `BadInput` for any other word."""
    return _parse(ResetMethod, text, "reset method")


def _parse(kind: type[_Word], text: str, what: str) -> _Word:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise BadInput(
            f"'{text}' is no {what}",
            detail=f"Nothing was changed. Known values: {known}.",
            remedy=f"Write one of {known}.",
            code="unknown-mode",
        ) from None
