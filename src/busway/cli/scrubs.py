"""The options that name the programs which clean devices between two servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_WORD = re.compile(r"([0-9a-f]{4}:[0-9a-f]{4})=(/.+)")
_F = TypeVar("_F", bound=Callable[..., Any])


def scrub_options(command: _F) -> _F:
    """Adds --scrub and --scrub-seconds."""
    for option in (
        click.option(
            "--scrub-seconds",
            type=click.FloatRange(min=1, max=86400),
            default=600.0,
            show_default=True,
            help="The time limit of such a program, in seconds.",
        ),
        click.option(
            "--scrub",
            "scrubs",
            multiple=True,
            metavar="VENDOR:DEVICE=PROGRAM",
            callback=_read,
            help="A program that cleans devices with these ids between two servers; repeat the option for other ids.",
        ),
    ):
        command = option(command)
    return command


def _read(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None:
            raise click.BadParameter(f"'{word}' is not like 10de:2330=/usr/local/sbin/scrub-h100")
        found[match[1]] = Path(match[2])
    return found
