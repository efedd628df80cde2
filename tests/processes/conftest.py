from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cloud import ProcessCloud

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the second run of each test, on the other database, to `make test-slow`.

    A test that kills at several points has every other one of them on PostgreSQL.
    """
    cases: dict[str, list[tuple[object, ...]]] = {}
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function) and "database_url" in item.fixturenames:
            params = dict(item.callspec.params)
            database = params.pop("database_url")
            known = cases.setdefault(f"{item.path}::{item.originalname}", [])
            case = tuple(params.values())
            if case not in known:
                known.append(case)
            if database != ("postgresql", "sqlite")[known.index(case) % 2]:
                item.add_marker(pytest.mark.again)


@pytest.fixture
def cloud(database_url: str, tmp_path: Path) -> Iterator[ProcessCloud]:
    """A control plane that answers, with an image and a GPU flavor; no host yet."""
    made = ProcessCloud(tmp_path, database_url)
    try:
        made.start_control()
        made.prepare()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCloud]:
    """One control plane on SQLite for tests that bring their own host."""
    folder = tmp_path_factory.mktemp("shared")
    made = ProcessCloud(folder, f"sqlite:///{folder / 'busway.db'}")
    try:
        made.start_control()
        made.prepare()
        yield made
    finally:
        made.down()
