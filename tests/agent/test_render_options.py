"""Which render nodes a host's operator declares: what is read of the options, and what is refused with its reason."""

import click
import pytest
from click.testing import CliRunner

from busway.cli.render_node import render_options


@click.command()
@render_options
def told(render_nodes: dict[str, int], render_limit: int | None) -> None:
    click.echo(f"{render_nodes} {render_limit}")


def test_nodes_are_named_by_address_or_as_software_and_the_host_may_have_a_limit() -> None:
    words = ["--render-node", "0000:03:00.0=8", "--render-node", "software=2", "--render-limit", "9"]

    assert CliRunner().invoke(told, words).output == "{'0000:03:00.0': 8, 'software': 2} 9\n"
    assert CliRunner().invoke(told, []).output == "{} None\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["renderD128=2"], "or write software"),
        (["software"], "SHARES is a number from 1 to 1024"),
        (["software=0"], "SHARES is a number from 1 to 1024"),
        (["software=1025"], "SHARES is a number from 1 to 1024"),
        (["0000:03:00.0=-1"], "SHARES is a number from 1 to 1024"),
        (["software=1", "software=2"], "software is named twice"),
    ],
)
def test_words_that_mean_no_node_are_refused(words: list[str], why: str) -> None:
    done = CliRunner().invoke(told, [part for word in words for part in ("--render-node", word)])

    assert done.exit_code == 2
    assert why in " ".join(done.output.split())
