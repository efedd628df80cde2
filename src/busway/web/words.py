"""Flavors in words: what a server of one gets (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.alias import ALIAS_EXTRA_SPEC
from busway.domain.device_wish import wish_of
from busway.domain.errors import REMEDY
from busway.domain.flavor import Flavor


def devices_in_words(flavor: Flavor) -> str:
    """A flavor's devices: "2 × a100, one switch"; "" for none, and the spec itself where it can't be read."""
    wish = wish_of(flavor)
    return str(wish) if wish is not None else flavor.extra_specs.get(ALIAS_EXTRA_SPEC, "")


@dataclass(frozen=True, slots=True)
class FaultWords:
    """A fault's message in its parts, as an error has them."""

    brief: str
    detail: str
    remedy: str


def fault_words(message: str) -> FaultWords:
    """The parts of "brief. detail. What to do: remedy", as `str` of an error joins them."""
    message_text, _, remedy = message.partition(REMEDY)
    brief, _, detail = message_text.strip().partition(". ")
    return FaultWords(brief, detail, remedy)
