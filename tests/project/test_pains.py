"""The page of what hurts in Nova names tests: each of them exists, and no pain is left out."""

import ast
import re

from tests.project.checkout import ROOT, text

PAGE = "docs/reference/nova-pains.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_every_test_that_the_page_names_exists() -> None:
    named = set(_TEST.findall(text(PAGE)))

    assert named
    assert sorted(pair for pair in named if pair[1] not in _functions(pair[0])) == []


def test_every_pain_has_one_line_with_a_test_or_a_reason() -> None:
    rows = _ROW.findall(text(PAGE))

    assert [int(number) for number, _, _ in rows] == list(range(1, 52))
    assert [number for number, _, here in rows if len(here) < 10] == []


def _functions(path: str) -> set[str]:
    file = ROOT / path
    if not file.exists():
        return set()
    return {node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
