"""The option `--bridge [PHYSICAL=]BRIDGE` of the commands that run an agent."""

from __future__ import annotations

import re

import click

from busway.domain.guest_network import DEFAULT_PHYSICAL

_WORDS = re.compile(r"(?:(?P<physical>[\w.-]{1,64})=)?(?P<bridge>[^\s/=]{1,15})")


def read_bridges(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """The bridges by physical network; one without a name is of the physical network `default`."""
    bridges: dict[str, str] = {}
    for word in words:
        found = _WORDS.fullmatch(word)
        physical = (found["physical"] or DEFAULT_PHYSICAL) if found else ""
        if found is None or physical in bridges:
            raise click.BadParameter(f"{word!r} is not [PHYSICAL=]BRIDGE with a physical network named once")
        bridges[physical] = found["bridge"]
    return bridges
