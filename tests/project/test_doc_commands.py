"""Every command of a how-to page or of the tutorial is run by some test."""

from tests.processes.test_docs import BY_OTHER_TESTS, ELSEWHERE, PAGES, commands, elsewhere
from tests.project.checkout import ROOT


def test_every_command_of_the_pages_is_run_by_a_test() -> None:
    pages = sorted((ROOT / "docs/how-to").glob("*.md")) + sorted((ROOT / "docs/tutorial").glob("*.md"))
    done = {str(path.relative_to(ROOT / "docs")): path for path in pages}

    missing = [
        f"{name}: {command}"
        for name, path in done.items()
        if name not in PAGES and name not in BY_OTHER_TESTS
        for command in commands(path)
        if elsewhere(command) is None
    ]

    assert missing == []
    assert [test for test in {*ELSEWHERE.values(), *BY_OTHER_TESTS.values()} if not (ROOT / test).exists()] == []
