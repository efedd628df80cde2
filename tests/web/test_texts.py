"""All words are in one file, and each is used."""

import ast
import html
import re
from pathlib import Path

import pytest

import busway.web
from busway.domain import errors
from busway.web.texts import texts

_ROOT = Path(busway.web.__file__).parent
_USED = re.compile(r"\b(?:t|words|texts\(\))\.(\w+)(?:\.(\w+)|\[)")


def test_every_text_that_is_asked_for_is_there_and_every_one_that_is_there_is_asked_for() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (*_ROOT.rglob("*.html"), *_ROOT.rglob("*.py")))
    found = {(section, name) for section, name in _USED.findall(sources)}
    whole = {section for section, name in found if not name} | {"done", "nav", "theme"}
    known = {(section, name) for section, names in vars(texts()).items() for name in vars(names)}
    loose = set(re.findall(r"\bwords\.(\w+)", sources))

    asked = {(section, name) for section, name in found if name and section in vars(texts())}
    assert asked - known == set()
    unused = {
        (section, name)
        for section, name in known - asked
        if section not in whole and name not in loose and not (section == "hosts" and name.startswith("finding"))
    }
    assert unused == set()


_TAGS = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}|<script.*?</script>", re.DOTALL)
_SHOWN = re.compile(
    r'\b(?:title|aria-label|placeholder|alt|data-(?:on|off|lost|copied|connected|ended|failed|elsewhere))="([^"]*)"'
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
_NAMES = {"Busway"}
_COMMANDS = {"busway agent join "}
_ERRORS = {
    name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.BuswayError)
}


@pytest.mark.parametrize("path", sorted((_ROOT / "templates").glob("*.html")), ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    text = _TAGS.sub(" ", path.read_text("utf-8"))
    said = " ".join([re.sub(r"<[^>]*>", " ", text), *_SHOWN.findall(text)])

    assert set(_WORD.findall(html.unescape(said))) - _NAMES == set()


@pytest.mark.parametrize("path", sorted((_ROOT / "static").rglob("*.js")), ids=lambda path: path.name)
def test_a_script_has_no_words_of_its_own(path: Path) -> None:
    code = re.sub(r"^\s*//.*$|\s// .*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    found = [text for text in re.findall(r'"([^"\n]*)"|`([^`]*)`', code) for text in text if _SENTENCE.search(text)]

    assert found == []


@pytest.mark.parametrize("path", sorted(_ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(_ROOT)))
def test_a_page_has_no_sentences_of_its_own_but_in_errors(path: Path) -> None:
    """Errors have their words where they are raised, in the console as everywhere."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out: set[int] = set()
    for node in ast.walk(tree):
        is_error = isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ERRORS
        is_log = isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "_log"
        if is_error or is_log or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            left_out |= {id(each) for each in ast.walk(node)}
    said = [
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in left_out
    ]
    found = [text for text in said if _SENTENCE.search(text)]
    assert [text for text in found if text not in _COMMANDS and not text.startswith("<")] == []
