from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.store.database import Database
from tests.control.clouds import Cloud
from tests.databases import new_postgres

HERE = Path(__file__).parent
# What these test depends on how a database locks rows, or counts statements; each of their tests runs on PostgreSQL in `make test`.
ON_BOTH = frozenset({
    "test_changes_at_once", "test_create_costs", "test_doorbell", "test_groups", "test_image_races", "test_isolation",
    "test_lock_order", "test_loops", "test_lost_hosts", "test_place_costs", "test_plan", "test_quotas", "test_rules_in_use",
})  # fmt: skip
FIRST = 4


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the second run of most tests, on PostgreSQL, to `make test-slow`: of each file the first few run there anyway."""
    seen: Counter[Path] = Counter()
    for item in items:
        if item.path.parent == HERE and item.path.stem not in ON_BOTH and "[postgresql" in item.name:
            seen[item.path] += 1
            if seen[item.path] > FIRST:
                item.add_marker(pytest.mark.again)


@pytest.fixture
def cloud(database: Database, tmp_path: Path) -> Cloud:
    return Cloud(database, tmp_path)


@pytest.fixture
def shared(postgres_server: Path, tmp_path: Path) -> Iterator[Cloud]:
    """A cloud on PostgreSQL, where two transactions write at once."""
    database = Database(new_postgres(postgres_server, tables=True))
    yield Cloud(database, tmp_path)
    database.close()
