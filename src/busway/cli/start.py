"""`busway serve` and `busway up`: start the control plane, alone or with this machine's agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.bridges import read_bridges
from busway.cli.fabric import fabric_options
from busway.cli.metrics import guest_program, metrics_options
from busway.cli.scrubs import scrub_options
from busway.cli.vfs import vfs_option
from busway.cli.vgpu_mode import vgpu_mode_option

if TYPE_CHECKING:
    from busway.bootstrap.config import Config
    from busway.domain.address import PciAddress
    from busway.domain.sriov_layout import SriovLayout
    from busway.domain.vgpu import SizeMode

_F = TypeVar("_F", bound=Callable[..., Any])


def _control_options(command: _F) -> _F:
    """The options that the control plane takes wherever it runs."""
    for option in (
        click.option(
            "--plain-http/--https",
            default=None,
            help="Use unencrypted HTTP on any address, or HTTPS on loopback addresses too. Default: HTTPS except on "
            "loopback.",
        ),
        click.option("--public-url", help="The URL for clients and agents. Default: https://LISTEN:PORT."),
        click.option("--port", type=int, help="The port to serve on; 0 chooses a free one. Default: 8774."),
        click.option("--listen", help="The address to serve on. Default: 127.0.0.1."),
        click.option(
            "--state", type=click.Path(path_type=Path), help="The state folder. Default: /var/lib/busway for root."
        ),
        click.option("--config", type=click.Path(path_type=Path), help="busway.conf (Nova's sections and options)."),
    ):
        command = option(command)
    return command


@click.command()
@_control_options
def serve(config: Path | None, **overrides: Any) -> None:
    """Run the control plane.

    It serves the OpenStack APIs and the agents, and places servers, until SIGINT or SIGTERM.
    """
    from busway.bootstrap.logs import set_up_logs
    from busway.bootstrap.serve import serve as run

    set_up_logs()
    run(_read(config, overrides))


@click.command()
@_control_options
@click.option(
    "--bridge",
    "bridges",
    multiple=True,
    callback=read_bridges,
    metavar="[PHYSICAL=]BRIDGE",
    help="A bridge for networks with the driver `bridge`; repeat the option for other physical networks.",
)
@click.option("--libvirt-uri", default="qemu:///system", show_default=True, help="The URI of this machine's libvirt.")
@click.option(
    "--virt-type",
    type=click.Choice(["auto", "kvm", "qemu"]),
    default="auto",
    show_default=True,
    help="auto uses KVM if libvirt offers it, otherwise emulation.",
)
@click.option(
    "--rom-bar",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Whether guests see the option ROMs of their devices.",
)
@scrub_options
@vfs_option
@vgpu_mode_option
@fabric_options
@metrics_options
def up(
    config: Path | None,
    bridges: dict[str, str],
    libvirt_uri: str,
    virt_type: str,
    rom_bar: str,
    scrubs: dict[str, Path],
    scrub_seconds: float,
    layouts: tuple[SriovLayout, ...],
    vgpu_modes: dict[PciAddress, SizeMode],
    fabric_manager: str,
    fabric_modules: dict[int, PciAddress],
    metrics: str,
    metrics_token: Path | None,
    guest_gpus: bool,
    guest_gpu_program: str | None,
    traces: str,
    **overrides: Any,
) -> None:
    """Run a whole cloud on this machine.

    It runs the control plane and this machine's agent in one process, until SIGINT or SIGTERM. Guests keep running
    when it ends. Needs root and libvirt.
    """
    from busway.agent.wiring import AgentOptions
    from busway.bootstrap.logs import set_up_logs
    from busway.bootstrap.up import up as run

    set_up_logs()
    options = AgentOptions(
        Path(), bridges=bridges, libvirt_uri=libvirt_uri, virt_type=virt_type, rom_bar=rom_bar == "on"
    )
    options = replace(
        options,
        scrubs=scrubs,
        scrub_seconds=scrub_seconds,
        layouts=layouts,
        vgpu_modes=vgpu_modes,
        fabric_manager=fabric_manager,
        fabric_modules=fabric_modules,
        metrics=metrics,
        metrics_token=metrics_token,
        guest_gpus=guest_program(guest_gpus, guest_gpu_program),
        traces=traces,
    )
    run(_read(config, overrides), options)


def _read(config: Path | None, overrides: dict[str, Any]) -> Config:
    """Reads the configuration, and logs what in it will not do what its operator may expect."""
    import structlog

    from busway.bootstrap.config import read_config
    from busway.bootstrap.config_check import check_config

    names = {"state": "state_path"}
    found = read_config(config, **{names.get(name, name): value for name, value in overrides.items()})
    for warning in check_config(config).warnings if config else ():
        where = f"{config}, line {warning.line}: {warning.option}"
        structlog.get_logger("busway.config").warning(warning.meaning, where=where, remedy=warning.remedy)
    return found
