"""The options of the commands that run an agent which say how guests run on the host."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.domain.dedicated_cpus import parse_cpus
from busway.domain.errors import InvalidConfig
from busway.domain.guest_network import DEFAULT_PHYSICAL

_F = TypeVar("_F", bound=Callable[..., Any])
_WORDS = re.compile(r"(?:(?P<physical>[\w.-]{1,64})=)?(?P<bridge>[^\s/=]{1,15})")


def guest_options(command: _F) -> _F:
    """Adds --bridge, --libvirt-uri, --virt-type, --rom-bar, --cpu-dedicated-set and --cpu-shared-set."""
    for option in reversed(
        (
            click.option(
                "--bridge",
                "bridges",
                multiple=True,
                callback=_read_bridges,
                metavar="[PHYSICAL=]BRIDGE",
                help="A bridge for networks with the driver `bridge`; repeat the option for other physical networks.",
            ),
            click.option(
                "--libvirt-uri", default="qemu:///system", show_default=True, help="The URI of this machine's libvirt."
            ),
            click.option(
                "--virt-type",
                type=click.Choice(["auto", "kvm", "qemu"]),
                default="auto",
                show_default=True,
                help="auto uses KVM if libvirt offers it, otherwise emulation.",
            ),
            click.option(
                "--rom-bar",
                type=click.Choice(["on", "off"]),
                default="on",
                show_default=True,
                help="Whether guests see the option ROMs of their devices.",
            ),
            click.option(
                "--cpu-dedicated-set",
                callback=_read_cpus,
                metavar="CPUS",
                help="The CPUs that servers get for themselves (hw:cpu_policy=dedicated), like 4-15,^8. Default: none.",
            ),
            click.option(
                "--cpu-shared-set",
                callback=_read_cpus,
                metavar="CPUS",
                help="The CPUs that all other servers share. Default: all, and none with --cpu-dedicated-set.",
            ),
        )
    ):
        command = option(command)
    return command


def _read_cpus(_context: click.Context, _option: click.Parameter, words: str | None) -> frozenset[int] | None:
    try:
        return None if words is None else parse_cpus(words)
    except InvalidConfig as error:
        raise click.BadParameter(error.brief) from error


def _read_bridges(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """The bridges by physical network; one without a name is of the physical network `default`."""
    bridges: dict[str, str] = {}
    for word in words:
        found = _WORDS.fullmatch(word)
        physical = (found["physical"] or DEFAULT_PHYSICAL) if found else ""
        if found is None or physical in bridges:
            raise click.BadParameter(f"{word!r} is not [PHYSICAL=]BRIDGE with a physical network named once")
        bridges[physical] = found["bridge"]
    return bridges
