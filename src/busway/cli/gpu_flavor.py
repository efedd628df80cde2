"""Which flavor `--gpu h100:2` means: the smallest that asks for exactly these devices."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import BadInput, BuswayError, NotFound

Devices = Mapping[str, int]


def parse_gpus(words: Iterable[str]) -> Devices:
    """Reads "h100:2" and "h100", which is one; raises `BadInput` for anything else."""
    found: Counter[str] = Counter()
    for word in words:
        try:
            pairs = parse_alias_counts(word if ":" in word else f"{word}:1")
        except BuswayError as error:
            raise BadInput(
                f"'{word}' is not ALIAS or ALIAS:COUNT",
                remedy="Request two H100 with --gpu h100:2; for two models, use --gpu twice.",
                code="gpu-word",
            ) from error
        for name, count in pairs:
            found[name.lower()] += count
    return found


def devices_of_flavor(flavor: Mapping[str, Any]) -> Devices:
    """What a flavor asks for by alias, in lower case; nothing for extra specs that can't be read."""
    text = flavor.get("extra_specs", {}).get(ALIAS_EXTRA_SPEC)
    try:
        pairs = parse_alias_counts(text) if text else []
    except BuswayError:
        return {}
    found: Counter[str] = Counter()
    for name, count in pairs:
        found[name.lower()] += count
    return found


def choose_flavor(flavors: Sequence[Mapping[str, Any]], wanted: Devices) -> tuple[Mapping[str, Any], int]:
    """The smallest flavor with exactly these devices, and how many have them; raises `NotFound` where there is none."""
    fitting = [flavor for flavor in flavors if dict(devices_of_flavor(flavor)) == dict(wanted)]
    if fitting:
        return min(fitting, key=lambda each: (each["vcpus"], each["ram"], each["disk"], each["name"])), len(fitting)
    offers = {_words(devices_of_flavor(each)): each["name"] for each in flavors if devices_of_flavor(each)}
    near = difflib.get_close_matches(_words(wanted), offers, n=5, cutoff=0.4) or sorted(offers)[:10]
    there = ", ".join(f"{words} ({offers[words]})" for words in near)
    raise NotFound(
        f"No flavor has exactly {_words(wanted)}",
        detail=f"There are: {there}." if near else "No flavor that you may use requests a device.",
        remedy="Request one of them, choose a flavor with --flavor, or ask your operator to create one.",
        code="gpu-no-flavor",
    )


def _words(devices: Devices) -> str:
    return ",".join(f"{name}:{count}" for name, count in sorted(devices.items()))
