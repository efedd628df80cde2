import re
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, links, pages, pyproject, text, tracked_files

# Names of package registries, in halves: this file is searched too.
_REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "deb." + "debian.org",
    "security." + "debian.org",
    "registry." + "npmjs",
    "artifact" + "registry",
    "pkg." + "dev/",
    "conda." + "anaconda.org",
]

_BLOCKS = re.MULTILINE | re.DOTALL
_DASHES = re.compile(r"\|(\s*:?-+:?\s*\|)+")


def test_every_relative_link_leads_to_a_file() -> None:
    dead = [
        f"{page.relative_to(ROOT)} -> {target}" for page in pages() for target in links(page) if not target.exists()
    ]

    assert dead == []


def test_every_table_has_a_head_and_rows_of_its_width() -> None:
    broken = []
    for page in pages():
        lines = re.sub(r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), page.read_text("utf-8"), flags=_BLOCKS)
        table: list[str] = []
        for number, line in enumerate([*lines.splitlines(), ""], start=1):
            if line.startswith("|"):
                table.append(line)
                continue
            widths = [re.sub(r"\\\|", "", row).count("|") for row in table]
            if table and (len(table) < 2 or not _DASHES.fullmatch(table[1]) or len(set(widths)) > 1):
                broken.append(f"{page.relative_to(ROOT)}:{number - len(table)}")
            table = []

    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    reached, waiting = {index}, [index]
    while waiting:
        page = waiting.pop()
        new = {target for target in links(page) if target.suffix == ".md" and target.exists()} - reached
        reached |= new
        waiting += new

    lost = [
        str(page.relative_to(ROOT)) for page in pages() if page.is_relative_to(ROOT / "docs") and page not in reached
    ]

    assert lost == []


def test_the_architecture_names_every_package() -> None:
    packages = [path.parent.name for path in (ROOT / "src" / "busway").glob("*/__init__.py")]

    missing = [name for name in packages if f"`busway.{name}`" not in text("ARCHITECTURE.md")]

    assert packages
    assert missing == []


def test_the_architecture_names_every_import_contract() -> None:
    contracts = [contract["name"] for contract in pyproject()["tool"]["importlinter"]["contracts"]]

    assert [name for name in contracts if f"*{name}*" not in text("ARCHITECTURE.md")] == []


def test_every_decision_is_listed_in_the_index() -> None:
    records = [path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")]

    assert records
    assert [name for name in records if f"]({name})" not in text("docs/adr/index.md")] == []


def test_every_decision_says_what_was_rejected_and_what_follows() -> None:
    parts = ("**Context.**", "**Decision.**", "**Rejected.**", "**Consequences.**")
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

    assert [path.name for path in records if any(part not in path.read_text("utf-8") for part in parts)] == []


@pytest.mark.parametrize("registry", _REGISTRIES)
def test_no_file_names_a_package_registry(registry: str) -> None:
    guilty = [str(path.relative_to(ROOT)) for path in tracked_files() if registry.encode() in path.read_bytes()]

    assert guilty == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    folder = re.compile(rb"(?<![\w.}])/(wo" + rb"rk|home/\w+/src)/")

    guilty = [str(path.relative_to(ROOT)) for path in tracked_files() if folder.search(path.read_bytes())]

    assert guilty == []


def test_no_list_of_pages_has_a_page_twice() -> None:
    lists = {page: re.findall(r"^- \[[^]]*\]\(([^)]+)\)", page.read_text(), re.MULTILINE) for page in pages()}

    twice = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page, targets in lists.items()
        if page.name == "index.md"
        for target in targets
        if targets.count(target) > 1
    ]
    assert twice == []


def test_every_test_that_a_promise_of_security_names_is_there() -> None:
    page = "docs/explanation/security.md"
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / page).read_text())

    missing = [f"{file}::{name}" for file, name in named if not _has_test(ROOT / file, name)]
    assert (len(named) > 50, missing) == (True, [])


def _has_test(file: Path, name: str) -> bool:
    return file.is_file() and (not name or re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE) is not None)
