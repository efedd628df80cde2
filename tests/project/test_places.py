"""ARCHITECTURE.md says where things go: each of its examples is there."""

import re
from pathlib import Path

from busway.control.loops.loop import all_loops
from tests.project.checkout import ROOT, text

_EXAMPLE = re.compile(r"\| `(src/[^`:]+)(?::(\w+))?` \|$", re.MULTILINE)


def test_every_example_of_where_to_put_things_is_there() -> None:
    section = text("ARCHITECTURE.md").partition("## Where do I put")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    examples = _EXAMPLE.findall(section)

    assert len(examples) == len(rows) > 10
    assert [path for path, _ in examples if not (ROOT / path).is_file()] == []
    assert [f"{path}:{word}" for path, word in examples if word not in (ROOT / path).read_text("utf-8")] == []


def test_every_folder_of_the_control_plane_says_its_entry_points() -> None:
    """Its docstring names modules that are there."""
    folders = [path.parent for path in (ROOT / "src/busway/control").glob("*/__init__.py")]

    silent = [folder.name for folder in folders if not _named(folder)]

    assert sorted(silent) == []


def _named(folder: Path) -> set[str]:
    words = set(re.findall(r"`(\w+)/?`", (folder / "__init__.py").read_text("utf-8")))
    return words & {path.stem for path in folder.iterdir()}


def test_every_loop_is_in_the_table_of_loops() -> None:
    page = text("ARCHITECTURE.md")

    assert [loop.name for loop in all_loops() if f"| `{loop.name}` |" not in page] == []
