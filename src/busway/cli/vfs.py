"""The option that declares the virtual functions of this host's devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.domain.errors import InvalidConfig
from busway.domain.sriov_layout import SriovLayout, parse_layout

_F = TypeVar("_F", bound=Callable[..., Any])


def vfs_option(command: _F) -> _F:
    """Adds --vfs."""
    return click.option(
        "--vfs",
        "layouts",
        multiple=True,
        metavar="ADDRESS=COUNT[,DRIVER]",
        callback=_read,
        help="The number of virtual functions of a device; they are created before servers use them. Repeat the "
        "option for "
        "other devices. "
        "DRIVER is that of idle ones; without it no driver of the host takes them.",
    )(command)


def _read(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> tuple[SriovLayout, ...]:
    try:
        layouts = tuple(parse_layout(word) for word in words)
    except InvalidConfig as error:
        raise click.BadParameter(str(error)) from error
    addresses = [layout.address for layout in layouts]
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice is not None:
        raise click.BadParameter(f"{twice} is named twice")
    return layouts
