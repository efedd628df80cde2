"""The options that declare this host's NVLink fabric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput

_F = TypeVar("_F", bound=Callable[..., Any])


def fabric_options(command: _F) -> _F:
    """Adds --fabric-manager and --fabric-module."""
    manager = click.option(
        "--fabric-manager",
        default="",
        metavar="PROGRAM",
        help="NVIDIA's client of the fabric manager (fmpm), by which partitions of NVLink are activated for guests.",
    )
    module = click.option(
        "--fabric-module",
        "fabric_modules",
        multiple=True,
        metavar="MODULE=ADDRESS",
        callback=_read,
        help="Which GPU has which module id of the fabric manager, where neither it nor nvidia-smi tells; repeat it.",
    )
    decorated: _F = manager(module(command))
    return decorated


def _read(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[int, PciAddress]:
    found: dict[int, PciAddress] = {}
    for word in words:
        module, _, address = word.strip().partition("=")
        if not (module.isascii() and module.isdigit()):
            raise click.BadParameter(f"'{word}' is not MODULE=ADDRESS: MODULE is a number")
        try:
            gpu = PciAddress(address)
        except BadInput as error:
            raise click.BadParameter(f"'{word}' is not MODULE=ADDRESS: {error.brief}") from error
        if int(module) in found or gpu in found.values():
            raise click.BadParameter(f"'{word}' names a module or an address twice")
        found[int(module)] = gpu
    return found
