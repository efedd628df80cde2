"""Each kind of move says what is special about it, in a module of its own; whoever changes two hosts locks them in order."""

import importlib
import pkgutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from busway.control.moves import kinds
from busway.control.moves.kinds import KINDS, kind_of
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.servers.delete import delete_server
from busway.domain.move import MoveKind
from busway.store import hosts as host_store
from busway.store import moves
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.control.clouds import ADMIN, Cloud
from tests.store.turns import until_someone_waits


def test_each_kind_of_move_has_a_module_that_says_its_sides_its_arrival_and_its_failure() -> None:
    modules = [importlib.import_module(f"{kinds.__name__}.{m.name}") for m in pkgutil.iter_modules(kinds.__path__)]
    stored = {module.KIND.of for module in modules if hasattr(module, "KIND")}

    assert stored == set(MoveKind) == set(KINDS)
    for module in modules:
        if not module.__name__.endswith(".kind"):
            said = str(module.__doc__)
            assert [word for word in ("sides:", "arrived", "failure") if word not in said.lower()] == []


def test_a_move_between_hosts_has_a_source_that_is_off_and_can_be_gone_back_to(cloud: Cloud) -> None:
    """What live migration will say otherwise is said by the kind alone."""
    one = cloud.host("h1")
    cloud.host("h2")
    [server] = cloud.boot()
    one.obey()
    migrate_server(cloud.control, ADMIN, server.id, "req-m")
    with cloud.control.db.read() as tx:
        move = moves.find_open_move(tx, server.id)
    assert move is not None
    kind = kind_of(move)
    assert (kind.source_runs(move), kind.returns) == (False, True)
    assert replace(kind, source_runs=lambda _: True).source_runs(move) is True


@pytest.mark.postgres
def test_who_changes_two_hosts_waits_for_the_first_before_it_has_the_second(postgres_url: str, tmp_path: Path) -> None:
    """Two of them that meet in opposite directions can't wait for each other."""
    database = Database(postgres_url)
    upgrade(database)
    cloud = Cloud(database, tmp_path)
    source, target = cloud.host("h1"), cloud.host("h2")
    [server] = cloud.boot()
    source.obey()
    migrate_server(cloud.control, ADMIN, server.id, "req-m")
    first, second = sorted([source.id, target.id])
    deleting = threading.Thread(target=delete_server, args=(cloud.control, ADMIN, server.id, "req-d"))
    with database.write() as tx:
        host_store.lock_hosts(tx, [first])
        deleting.start()
        until_someone_waits(database)
        with database.write() as other:
            try:
                other.execute(text("SELECT 1 FROM hosts WHERE id = :id FOR UPDATE NOWAIT"), {"id": second})
            except OperationalError:
                pytest.fail("the second host is locked while the first is waited for")
    deleting.join(20)
    assert not deleting.is_alive()
    database.close()
