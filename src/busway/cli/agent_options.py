"""The options that every command that runs an agent takes: `busway agent`, and `busway up`, which runs this machine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from busway.cli.fabric import fabric_options
from busway.cli.guest_options import guest_options
from busway.cli.live import live_options
from busway.cli.metrics import guest_program, metrics_options
from busway.cli.render_node import render_options
from busway.cli.scrubs import scrub_options
from busway.cli.spice import spice_of, spice_options
from busway.cli.vfs import vfs_option
from busway.cli.vgpu_mode import vgpu_mode_option

if TYPE_CHECKING:
    from busway.agent.wiring import AgentOptions

_F = TypeVar("_F", bound=Callable[..., Any])
_PARTS: tuple[Callable[[Any], Any], ...] = (
    guest_options,
    scrub_options,
    vfs_option,
    vgpu_mode_option,
    fabric_options,
    render_options,
    live_options,
    spice_options,
    metrics_options,
)
# These have the name and the value of a field of `AgentOptions`.
_FIELDS = (
    "bridges",
    "libvirt_uri",
    "virt_type",
    "scrubs",
    "scrub_seconds",
    "layouts",
    "vgpu_modes",
    "fabric_manager",
    "fabric_modules",
    "live_listen",
    "live_address",
    "metrics",
    "metrics_token",
    "traces",
)


def agent_options(command: _F) -> _F:
    """Adds the options to a command; `take_agent_options` reads their values."""
    for part in reversed(_PARTS):
        command = part(command)
    return command


def take_agent_options(given: dict[str, Any]) -> AgentOptions:
    """Takes the values of the options out of those that a command was given; the others stay there."""
    from busway.agent.render import DeclaredNodes
    from busway.agent.wiring import AgentOptions
    from busway.domain.dedicated_cpus import CpuSets

    return AgentOptions(
        Path(),
        **{name: given.pop(name) for name in _FIELDS},
        spice=spice_of(given.pop("spice_listen"), given.pop("spice_address"), tls=given.pop("spice_tls")),
        rom_bar=given.pop("rom_bar") == "on",
        cpus=CpuSets(given.pop("cpu_dedicated_set"), given.pop("cpu_shared_set")),
        render=DeclaredNodes(given.pop("render_nodes"), given.pop("render_limit")),
        guest_gpus=guest_program(given.pop("guest_gpus"), given.pop("guest_gpu_program")),
    )
