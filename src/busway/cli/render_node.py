"""The options that declare which render nodes of this host guests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput
from busway.domain.render import MAX_SHARES, SOFTWARE

_F = TypeVar("_F", bound=Callable[..., Any])


def render_options(command: _F) -> _F:
    """Adds --render-node and --render-limit."""
    node = click.option(
        "--render-node",
        "render_nodes",
        multiple=True,
        metavar="NODE=SHARES",
        callback=_read,
        help="A GPU by its address, whose render node draws for SHARES guests at most (virgl), or the word software: "
        "Mesa draws on the processor. Repeat it for others. The GPU stays on its own driver.",
    )
    limit = click.option(
        "--render-limit",
        type=click.IntRange(1, MAX_SHARES),
        help="How many guests all render nodes of this host draw for at most. Default: the sum of their shares.",
    )
    decorated: _F = node(limit(command))
    return decorated


def _read(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        node, _, count = word.strip().partition("=")
        try:
            name = node if node == SOFTWARE else str(PciAddress(node))
        except BadInput as error:
            raise click.BadParameter(f"'{word}' is not NODE=SHARES: {error.brief}; or write software") from error
        if not (count.isascii() and count.isdigit() and len(count) < 6 and 1 <= int(count) <= MAX_SHARES):
            raise click.BadParameter(f"'{word}' is not NODE=SHARES: SHARES is a number from 1 to {MAX_SHARES}")
        if name in found:
            raise click.BadParameter(f"{name} is named twice")
        found[name] = int(count)
    return found
