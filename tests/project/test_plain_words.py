"""Docs, help and texts of the code are in plain English: some phrases never appear, and a plainer word stands beside each."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, pages, tracked_files

# A phrase as a regular expression, and what to write.
_PLAINER = [
    (r"\bof run time\b", "created at run time"),
    (
        r"\b(is|are|was|were|be|been) told (to|of|by|as|again|at|about|nothing|that)\b",
        "is configured to, gets, is reported",
    ),
    (r"\bwhat was told\b", "the earlier write, the message"),
    (r"\bmend(s|ed|ing)?\b", "fix, correct"),
    (r"\bheeds?\b", "obeys, supports"),
    (r"\breckon(s|ed|ing)?\b", "compute, assume"),
    (r"\b(where|there)(of|by|upon)\b", "of which, by it"),
    (r"\bnought\b", "nothing"),
    (r"\bshall\b", "must, will"),
    (r"\bthat there (is|are|was) not\b", "that does not exist"),
    (r"\bletter by letter\b", "exactly"),
    (r"\bits kin\b|\btheir kin\b", "similar programs"),
    (r"\bfor want of\b", "because there is no"),
    (r"\bwhat to look at\b", "what to check"),
    (r"\bis no longer there\b|\bthere is such no\b", "does not exist any more"),
    (r"\bthe agent tries again by itself\b", "the agent retries automatically"),
    (r"\bgo(es|ing)? on\b|\bwent on\b", "continue"),
    (r"\b(anew|afresh)\b", "again"),
    (r"\btells? of\b", "reports, describes"),
    (r"\bof before\b", "previous, older"),
    (r"\btakes? (\w+ ){1,3}back by (itself|themselves)\b", "reverts automatically"),
]


@cache
def _texts() -> list[tuple[str, str]]:
    """Each page, template and file of texts, and each text with a space in it of the code (docstrings, help, errors)."""
    texts = [(str(page.relative_to(ROOT)), page.read_text("utf-8")) for page in pages()]
    for path in sorted((ROOT / "src" / "busway").rglob("*.py")):
        texts += _strings(path)
    for path in tracked_files():
        if path.suffix in (".toml", ".html") and path.is_relative_to(ROOT / "src") and "vendor" not in path.parts:
            texts.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
    return texts


def _strings(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


@pytest.mark.parametrize(("phrase", "plainer"), _PLAINER)
def test_a_phrase_that_stops_a_reader_is_nowhere(phrase: str, plainer: str) -> None:
    pattern = re.compile(phrase, re.IGNORECASE)

    found = [f"{place}: {match[0]}" for place, text in _texts() if (match := pattern.search(text))]

    assert found == [], f"write: {plainer}"


@pytest.mark.parametrize(("phrase", "plainer"), _PLAINER)
def test_the_plainer_word_is_not_itself_on_the_list(phrase: str, plainer: str) -> None:
    assert [other for other, _ in _PLAINER if re.search(other, plainer)] == [], phrase


def test_no_docstring_needs_the_one_before_it() -> None:
    needy = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "src" / "busway").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and (ast.get_docstring(node) or "").startswith(("The same", "Those "))
    ]

    assert needy == []
