"""All words are in one file, and each is used."""

import re
from pathlib import Path

import busway.web
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
