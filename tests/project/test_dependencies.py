import re
from pathlib import Path

import pytest
from tools.environment import lock_stanzas

from tests.project.checkout import ROOT, pyproject, text

_LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index(lock: Path) -> None:
    assert "://" not in lock.read_text("utf-8")


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_an_exact_version_and_a_hash(lock: Path) -> None:
    stanzas = lock_stanzas(lock.read_text("utf-8"))

    assert len(stanzas) > 1
    assert [name for name, stanza in stanzas.items() if "==" not in stanza or "--hash=sha256:" not in stanza] == []


def test_every_dependency_is_locked() -> None:
    locked = {_normal(name) for name in lock_stanzas(text("requirements/dev.txt"))}

    assert [name for name in _dependencies() if _normal(name) not in locked] == []


def test_every_dependency_is_named_in_a_decision() -> None:
    records = "\n".join(path.read_text("utf-8") for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")).lower()

    unnamed = [
        name for name in _dependencies() if not re.search(rf"\b{re.escape(name.split('[')[0].lower())}\b", records)
    ]

    assert unnamed == []


def _dependencies() -> list[str]:
    """Return the names of what Busway needs to run and what its development needs."""
    project = pyproject()
    extras = [each for extra in project["project"]["optional-dependencies"].values() for each in extra]
    wanted = project["project"]["dependencies"] + extras + project["dependency-groups"]["dev"]
    return [re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in wanted]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.split("[")[0]).lower()
