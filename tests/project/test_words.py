"""Words of the command line that are not known get the nearest ones; a missing file is told in plain words."""

import pytest
from click.testing import CliRunner

from busway.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["server", "shwo"], "Did you mean show"),
        (["event", "xyz"], "There are: list."),
        (["doctr"], "Did you mean doctor"),
        (["device", "lst"], "Did you mean list"),
        (["lab", "statsu"], "Did you mean status"),
        (["snapshoot"], "Did you mean snapshot"),
    ],
)
def test_a_wrong_word_gets_the_nearest(words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, words)

    assert done.exit_code == 2
    assert f"No such command '{words[-1]}'. {said}" in done.output


def test_a_file_that_is_not_there_is_told_in_plain_words() -> None:
    done = CliRunner().invoke(main, ["config", "check", "/nonexist"])

    assert done.output.startswith("Error: /nonexist can't be read")
    assert "Errno" not in done.output and "Error: -" not in done.output
