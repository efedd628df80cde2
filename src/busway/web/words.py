"""Flavors in words: what a server of one gets (pure)."""

from __future__ import annotations

from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import InvalidExtraSpec
from busway.domain.flavor import Flavor


def devices_in_words(flavor: Flavor) -> str:
    """Its devices: "2 × a100, 1 × nic"; "" for none, and the spec itself where it can't be read."""
    text = flavor.extra_specs.get(ALIAS_EXTRA_SPEC, "")
    try:
        counts = parse_alias_counts(text) if text else []
    except InvalidExtraSpec:
        return text
    return ", ".join(f"{count} × {alias}" for alias, count in counts)
