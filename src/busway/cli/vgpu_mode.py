"""The option that declares the size modes of this host's vGPU cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput
from busway.domain.vgpu import SizeMode

_F = TypeVar("_F", bound=Callable[..., Any])


def vgpu_mode_option(command: _F) -> _F:
    """Adds --vgpu-mode."""
    return click.option(
        "--vgpu-mode",
        "vgpu_modes",
        multiple=True,
        metavar="ADDRESS=MODE",
        callback=_read,
        help="The size mode of a card's vGPUs, equal or mixed, set while the card is empty; repeat it for others. "
        "Without it a card is taken for one of equal sizes.",
    )(command)


def _read(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[PciAddress, SizeMode]:
    found: dict[PciAddress, SizeMode] = {}
    for word in words:
        address, _, mode = word.strip().partition("=")
        try:
            card = PciAddress(address)
        except BadInput as error:
            raise click.BadParameter(f"'{word}' is not ADDRESS=MODE: {error.brief}") from error
        if mode not in tuple(SizeMode):
            raise click.BadParameter(f"'{word}' is not ADDRESS=MODE: MODE is {' or '.join(SizeMode)}")
        if card in found:
            raise click.BadParameter(f"{card} is named twice")
        found[card] = SizeMode(mode)
    return found
