"""The options by which an agent gives its guests a SPICE screen."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, TypeVar

import click

from busway.hypervisor.guest import SpiceOptions

_F = TypeVar("_F", bound=Callable[..., Any])


def spice_options(command: _F) -> _F:
    """Adds --spice-listen, --spice-address and --spice-tls."""
    for option in (
        click.option(
            "--spice-tls",
            is_flag=True,
            help="Take SPICE connections by TLS only; qemu.conf must name a certificate (spice_tls = 1).",
        ),
        click.option(
            "--spice-address",
            default="",
            metavar="ADDRESS",
            help="Where a proxy reaches the SPICE screens of this host, if not where they listen.",
        ),
        click.option(
            "--spice-listen",
            default="",
            metavar="ADDRESS",
            help="Give guests a SPICE screen beside that of VNC, which listens at this IP address of the host, without a password. "
            "Default: none.",
        ),
    ):
        command = option(command)
    return command


def spice_of(listen: str, address: str, *, tls: bool) -> SpiceOptions | None:
    """The values of the options as one; raises `UsageError` for those that do not go together."""
    if not listen:
        if address or tls:
            raise click.UsageError("--spice-address and --spice-tls need --spice-listen.")
        return None
    try:
        everywhere = ip_address(listen).is_unspecified
    except ValueError as error:
        raise click.UsageError(f"--spice-listen {listen} is not an IP address.") from error
    if everywhere and not address:
        raise click.UsageError(
            f"--spice-listen {listen} is every address of the host: say with --spice-address which one is told."
        )
    return SpiceOptions(listen, address, tls)
