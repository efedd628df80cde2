"""The options of `busway agent` and `busway up`: what is said on the command line is what the agent is started with."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from busway.agent.render import DeclaredNodes
from busway.agent.wiring import AgentOptions
from busway.cli.agent_options import agent_options, take_agent_options
from busway.hypervisor.guest import SpiceOptions


def read(*words: str) -> tuple[AgentOptions, dict[str, Any]]:
    """The options of a command line, and the values of the command's other options."""
    found: list[tuple[AgentOptions, dict[str, Any]]] = []

    @click.command()
    @click.option("--state")
    @agent_options
    def command(**given: Any) -> None:
        found.append((take_agent_options(given), given))

    done = CliRunner().invoke(command, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return found[0]


def test_without_options_an_agent_has_its_defaults() -> None:
    options, others = read()
    assert options == AgentOptions(Path())
    assert others == {"state": None}


def test_each_option_reaches_the_agent(tmp_path: Path) -> None:
    options, others = read(
        "--state=a-folder",
        "--bridge=br0",
        "--bridge=lab=br1",
        "--virt-type=qemu",
        "--rom-bar=off",
        "--render-node=software=3",
        "--render-limit=2",
        "--live-listen=127.0.0.1:8775",
        "--metrics=127.0.0.1:9100",
        "--spice-listen=0.0.0.0",
        "--spice-address=gpu7.example.org",
        "--spice-tls",
    )
    wanted = AgentOptions(
        Path(),
        bridges={"default": "br0", "lab": "br1"},
        virt_type="qemu",
        rom_bar=False,
        render=DeclaredNodes({"software": 3}, 2),
        live_listen="127.0.0.1:8775",
        metrics="127.0.0.1:9100",
        spice=SpiceOptions("0.0.0.0", "gpu7.example.org", secure=True),
    )
    assert options == wanted
    assert others == {"state": "a-folder"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--spice-listen=gpu7",), "not an IP address"),
        (("--spice-listen=::",), "--spice-address"),
        (("--spice-tls",), "need --spice-listen"),
    ],
)
def test_options_of_spice_that_do_not_go_together_are_refused(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        read(*words)
