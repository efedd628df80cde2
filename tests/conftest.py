"""Fixtures for all tests: a database of each kind, empty, and a PostgreSQL server that is started once."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from busway.bootstrap.logs import set_up_logs
from busway.store.database import Database
from tests.databases import add_tables, compile_statements_once, new_postgres, refuse_writes_in_reads
from tests.postgres import private_server

# A busy machine makes a test slow and never wrong.
hypothesis.settings.register_profile(
    "busway", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("busway")
set_up_logs()
refuse_writes_in_reads()
compile_statements_once()

_IN_MEMORY = Path("/dev/shm")
_FREE_BYTES = 4 * 1024**3
_FOLDER = "BUSWAY_TESTS_FOLDER"
_OWN: pytest.StashKey[str] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the files of tests in memory where there is room: a database waits for its disk at each commit.

    A lab host's disks are too large for that; a TMPDIR of the user's own is kept. What tests leave behind is in one folder, which
    `pytest_unconfigure` removes; those of `tmp_path` stay as pytest keeps them, for whoever looks at a failure.
    """
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")  # one that ends by SIGSEGV prints where it was
    wanted = str(config.option.markexpr)
    lab = "lab" in wanted and "not lab" not in wanted
    if lab or _FOLDER in os.environ:  # a worker has that of the process that started it
        return
    in_memory = "TMPDIR" not in os.environ and _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free >= _FREE_BYTES
    root = str(_IN_MEMORY) if in_memory else tempfile.gettempdir()
    folder = config.stash[_OWN] = tempfile.mkdtemp(prefix="bw-", dir=root)
    Path(folder).chmod(0o1777)  # like /tmp: PostgreSQL and swtpm run as somebody else, and swtpm writes in TMPDIR
    os.environ.update({_FOLDER: folder, "TMPDIR": folder})
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", root)
    tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """Lets the garbage collector leave alone what was imported: it would go through all of it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what tests have left; with an unknown owner or a mount in it, it stays."""
    folder = config.stash.get(_OWN, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    with private_server() as folder:
        yield folder


@pytest.fixture
def postgres_url(postgres_server: Path) -> str:
    """The URL of a new, empty database."""
    return new_postgres(postgres_server)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database: each test that uses it runs on both kinds. It is empty unless `database` is used too."""
    if request.param == "postgresql":
        return new_postgres(request.getfixturevalue("postgres_server"), tables="database" in request.fixturenames)
    return f"sqlite:///{tmp_path / 'busway.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of that URL, with all tables and no rows: each test that uses it runs on both kinds."""
    database = Database(database_url)
    if database.is_sqlite:
        add_tables(database)
    yield database
    database.close()
