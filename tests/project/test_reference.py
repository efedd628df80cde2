import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from busway.cli.main import main as busway
from tests.project.checkout import ROOT, text

# A module that is not part of this tree yet makes its test a skip.


def test_every_command_is_in_the_reference() -> None:
    module = pytest.importorskip("busway.cli.main")
    group = getattr(module, "cli", None) or module.main

    missing = [name for name in _commands(group, "busway") if f"`{name}`" not in text("docs/reference/cli.md")]

    assert missing == []


def test_every_code_of_a_class_of_errors_is_in_the_reference() -> None:
    errors = pytest.importorskip("busway.domain.errors")
    for module in pkgutil.walk_packages([str(ROOT / "src" / "busway")], "busway."):
        if "errors" in module.name:
            importlib.import_module(module.name)

    codes = {kind.code for kind in [errors.BuswayError, *_subclasses(errors.BuswayError)]}

    assert sorted(code for code in codes if f"| `{code}` |" not in text("docs/reference/errors.md")) == []


def test_every_code_that_is_raised_is_in_the_reference() -> None:
    sources = sorted((ROOT / "src" / "busway").rglob("*.py"))

    codes = {(code, path.name) for path in sources for code in _literal_codes(path)}

    assert sorted(pair for pair in codes if f"| `{pair[0]}` |" not in text("docs/reference/errors.md")) == []


def test_every_code_of_the_reference_is_in_the_code() -> None:
    words: set[str] = set()
    patterns: list[str] = []
    for path in (ROOT / "src" / "busway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Constant(value=str(word)):
                    words.add(word)
                case ast.keyword(arg="code", value=ast.JoinedStr(values=parts)):
                    patterns.append("".join(_pattern(part) for part in parts))
    made = re.compile("|".join(patterns))

    codes = re.findall(r"^\| `([a-z-]+)` \|", text("docs/reference/errors.md"), re.MULTILINE)

    assert [code for code in codes if code not in words and not made.fullmatch(code)] == []


def _pattern(part: ast.expr) -> str:
    return re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else "[a-z-]+"


def test_every_device_status_is_in_the_reference() -> None:
    status = pytest.importorskip("busway.domain.status")

    assert [one for one in status.DeviceStatus if f"| `{one}` |" not in text("docs/reference/device-states.md")] == []


def test_every_option_is_in_the_reference_with_its_default() -> None:
    options = pytest.importorskip("busway.bootstrap.options")
    rows = _rows("docs/reference/configuration.md")

    wanted = [
        (f"`[{section}]`", f"`{option.name}`", _default(option))
        for section, found in options.SECTIONS.items()
        for option in found
    ]

    assert [one for one in wanted if not any(row[:2] == one[:2] and row[2].startswith(one[2]) for row in rows)] == []


def test_every_old_name_of_an_option_is_in_the_reference() -> None:
    options = pytest.importorskip("busway.bootstrap.options")
    rows = _rows("docs/reference/configuration.md")

    old = [
        (f"`[{name.group}]`", f"`{name.name}`")
        for found in options.SECTIONS.values()
        for option in found
        for name in option.deprecated_opts
    ]

    assert old
    assert [name for name in old if name not in [row[:2] for row in rows]] == []


@pytest.mark.parametrize("table", ["claim.CLAIM_TRANSITIONS", "server.SERVER_TRANSITIONS", "move.MOVE_TRANSITIONS"])
def test_the_diagrams_of_the_reference_have_each_transition_and_no_other(table: str) -> None:
    module, _, name = table.partition(".")
    transitions = getattr(importlib.import_module(f"busway.domain.{module}"), name)
    arrows = set(re.findall(r"^ +(\w+) --> (\w+)$", text("docs/reference/device-states.md"), re.MULTILINE))

    wanted = {(_word(old), _word(new)) for old, allowed in transitions.items() for new in allowed}
    assert {arrow for arrow in arrows if arrow[0] in map(_word, transitions)} == wanted


def test_every_crash_point_is_explained() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "busway" / "control").rglob("*.py"))
    points = set(re.findall(r'crashpoint\("([a-z:-]+)"\)', sources))

    assert points
    assert {point for point in points if f"`{point}`" not in text("docs/explanation/crash-safety.md")} == set()


def _word(state: object) -> str:
    """Return a state as a diagram can have it."""
    return str(state).replace("-", "_")


def _rows(page: str) -> list[tuple[str, ...]]:
    """Return the cells of every row of the page's tables."""
    return [tuple(line.strip("|\n ").split(" | ")) for line in text(page).splitlines() if line.startswith("| ")]


def _default(option: Any) -> str:
    """Return what the column of defaults begins with: nothing where the default is made at run time."""
    return f"`{option.default}`" if option.default not in (None, []) else ""


def _commands(command: Any, path: str) -> Iterator[str]:
    """Yield the full name of every command below a click group; a group itself is no command."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _commands(child, f"{path} {name}")


def _subclasses(kind: type) -> Iterator[Any]:
    child: type
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _literal_codes(path: Path) -> Iterator[str]:
    """Yield the words given as `code="..."` in calls."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.keyword(arg="code", value=ast.Constant(value=str(code))) if code:
                yield code


def test_no_summary_of_a_command_is_cut_off() -> None:
    groups: list[click.Command] = [busway]
    for group in groups:
        groups += [child for child in getattr(group, "commands", {}).values() if hasattr(child, "commands")]

    helps = "\n".join(group.get_help(click.Context(group, terminal_width=80)) for group in groups)

    assert [line for line in helps.splitlines() if line.endswith("...") and "[ARGS]" not in line] == []


def test_the_page_of_errors_has_each_code_once() -> None:
    sections = text("docs/reference/errors.md").split("\n## ")

    codes = [re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) for section in sections]

    assert [sorted({code for code in found if found.count(code) > 1}) for found in codes] == [[]] * len(codes)


def test_the_page_of_errors_is_sorted() -> None:
    sections = text("docs/reference/errors.md").split("\n## ")

    codes = [re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE) for section in sections[2:]]

    assert codes == [sorted(found) for found in codes]


def test_the_glossary_has_each_word_once() -> None:
    words = [row[0] for row in _rows("GLOSSARY.md")]

    assert [word for word in words if words.count(word) > 1] == []
