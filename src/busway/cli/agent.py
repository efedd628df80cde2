"""`busway agent`: runs the agent of this host."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.bridges import read_bridges
from busway.cli.fabric import fabric_options
from busway.cli.metrics import guest_program, metrics_options
from busway.cli.scrubs import scrub_options
from busway.cli.vfs import vfs_option
from busway.cli.vgpu_mode import vgpu_mode_option
from busway.domain.address import PciAddress
from busway.domain.sriov_layout import SriovLayout
from busway.domain.vgpu import SizeMode

_CREDENTIAL = Path("/etc/busway/agent.json")


@click.group("agent", invoke_without_command=True)
@click.option(
    "--credential",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_CREDENTIAL,
    show_default=True,
    help="The credential file of this host (mode 600).",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/lib/busway/agent"),
    show_default=True,
    help="The folder for images, disks and records.",
)
@click.option(
    "--bridge",
    "bridges",
    multiple=True,
    callback=read_bridges,
    metavar="[PHYSICAL=]BRIDGE",
    help="A bridge for networks with the driver `bridge`; repeat the option for other physical networks.",
)
@click.option("--libvirt-uri", default="qemu:///system", show_default=True, help="The URI of libvirt.")
@click.option(
    "--virt-type",
    type=click.Choice(["auto", "kvm", "qemu"]),
    default="auto",
    show_default=True,
    help="auto uses KVM if libvirt offers it, otherwise emulation.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1, max=60),
    default=3.0,
    show_default=True,
    help="The longest time between two checks of the guests, in seconds.",
)
@click.option(
    "--resource-view",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="How often the host's resources are logged, in seconds.",
)
@click.option(
    "--rom-bar",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Whether guests see the option ROMs of their devices.",
)
@click.option("--hugepages", is_flag=True, help="Take the guests' memory from the host's huge pages.")
@click.option(
    "--cpu-mode",
    type=click.Choice(["host-passthrough", "host-model", "maximum", "custom"]),
    help="The guests' CPU mode, as libvirt names it. Default: host-passthrough with KVM, otherwise maximum.",
)
@click.option("--cpu-model", default="", metavar="NAME", help="The model, such as EPYC-Rome, with --cpu-mode custom.")
@scrub_options
@vfs_option
@vgpu_mode_option
@fabric_options
@metrics_options
@click.option("--once", is_flag=True, help="Do one round and exit.")
@click.pass_context
def agent(
    context: click.Context,
    credential: Path,
    state: Path,
    bridges: dict[str, str],
    libvirt_uri: str,
    virt_type: str,
    interval: float,
    resource_view: float,
    rom_bar: str,
    hugepages: bool,
    cpu_mode: str | None,
    cpu_model: str,
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
    once: bool,
) -> None:
    """Run the agent of this host.

    It keeps the host in the state that the control plane desires, until SIGINT or SIGTERM. Guests keep running when
    it ends. Needs root and libvirt.
    """
    if context.invoked_subcommand is not None:
        return
    from busway.agent.wiring import AgentOptions
    from busway.bootstrap.agent import run_agent

    options = AgentOptions(
        credential=credential,
        state=state,
        bridges=bridges,
        libvirt_uri=libvirt_uri,
        virt_type=virt_type,
        interval=interval,
        resource_view=resource_view,
        rom_bar=rom_bar == "on",
        hugepages=hugepages,
        cpu=cpu_mode or "",
        cpu_model=cpu_model,
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
    run_agent(options, once=once)


@agent.command()
@click.argument("token")
@click.option(
    "--credential",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_CREDENTIAL,
    show_default=True,
    help="The file for the credential (mode 600).",
)
def join(token: str, credential: Path) -> None:
    """Join with a TOKEN and write this host's credential.

    `busway host create` prints the token. The command fetches the control plane's authority and checks it against the
    token. If it differs, the command stops and reveals nothing.
    """
    from busway.agent.join import join_host
    from busway.wire.join import decode_token

    made = join_host(decode_token(token), credential)
    click.echo(f"This host is {made.host} of {made.url}. Its credential is {credential}; start it with: busway agent")
