"""The loops: each a value, run in turns that nothing ends but a stop, one process at a time where they say so."""

import threading
from dataclasses import replace
from pathlib import Path

from busway.control.context import Control
from busway.control.loops.loop import Loop, all_loops, run_turn
from busway.control.loops.record import LoopRecord
from busway.control.loops.run import running
from busway.store.database import Database
from busway.testing.doorbell import DeafDoorbell
from tests.control.clouds import Cloud
from tests.processes.cloud import wait_for

NEVER = 3600.0


def test_each_module_with_a_loop_is_one() -> None:
    names = [loop.name for loop in all_loops()]

    assert names == [
        "advance",
        "hearing",
        "image-import",
        "image-purge",
        "networks",
        "offload",
        "overlay",
        "placer",
        "reclaim",
        "retention",
        "sweeper",
    ]
    assert len({loop.bell for loop in all_loops()}) == len(names)


def test_a_ring_of_its_topic_wakes_a_loop(cloud: Cloud) -> None:
    turns: list[Control] = []
    with running(cloud.control, [Loop("counting", NEVER, turns.append, topic="count")]):
        wait_for("the first turn", lambda: len(turns) == 1)
        cloud.control.bell.ring("count")
        wait_for("the turn after the ring", lambda: len(turns) == 2)


def test_without_a_ring_a_loop_turns_after_its_pause(cloud: Cloud) -> None:
    turns: list[Control] = []
    control = replace(cloud.control, bell=DeafDoorbell())
    with running(control, [Loop("counting", 0.01, turns.append)]):
        wait_for("three turns", lambda: len(turns) >= 3)


def test_while_there_is_more_to_do_no_pause_is_made(cloud: Cloud) -> None:
    left = [1, 1, 0]
    with running(cloud.control, [Loop("busy", NEVER, lambda _: bool(left and left.pop(0)))]):
        wait_for("all to be done", lambda: not left)


def test_a_turn_that_fails_is_counted_and_the_next_one_comes(cloud: Cloud) -> None:
    def fail(_: Control) -> None:
        raise RuntimeError("of a turn")

    with running(cloud.control, [Loop("failing", 0.01, fail)]):
        wait_for("two turns", lambda: cloud.control.loops.all().get("failing", _none()).turns >= 2)
    record = cloud.control.loops.all()["failing"]
    assert record.failed == record.turns
    assert record.last_error == "RuntimeError: of a turn"
    assert record.seconds >= record.last_seconds > 0 < record.last_run


def test_a_turn_under_way_is_let_finish_when_the_process_ends(cloud: Cloud) -> None:
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def turn(_: Control) -> None:
        began.set()
        go_on.wait(20)
        done.set()

    with running(cloud.control, [Loop("slow", NEVER, turn)]):
        assert began.wait(20)
        threading.Timer(0.1, go_on.set).start()
    assert done.is_set()


def test_one_process_at_a_time_has_a_turn(cloud: Cloud, database_url: str) -> None:
    """A second connection pool stands in for the other process: the lock is the database's, or a file's beside it."""
    other = replace(cloud.control, db=Database(database_url))
    turns: list[str] = []
    loop = Loop("once", NEVER, lambda _: turns.append("theirs"))

    def while_mine(_: Control) -> None:
        assert run_turn(other, loop) is False
        turns.append("mine")

    run_turn(cloud.control, Loop("once", NEVER, while_mine))
    run_turn(other, loop)
    other.db.close()
    assert turns == ["mine", "theirs"]


def test_a_loop_of_many_processes_turns_in_all_of_them(cloud: Cloud, database_url: str) -> None:
    other = replace(cloud.control, db=Database(database_url))
    turns: list[str] = []
    loop = Loop("every", NEVER, lambda _: turns.append("theirs"), alone=False)
    run_turn(cloud.control, Loop("every", NEVER, lambda _: run_turn(other, loop), alone=False))
    other.db.close()
    assert turns == ["theirs"]


def test_the_lock_of_a_loop_is_a_file_that_only_its_owner_reads(cloud: Cloud, tmp_path: Path) -> None:
    run_turn(cloud.control, Loop("once", NEVER, lambda _: None))
    found = list(tmp_path.glob("*.lock"))
    assert [path.stat().st_mode & 0o777 for path in found] == ([0o600] if cloud.control.db.is_sqlite else [])


def _none() -> LoopRecord:
    return LoopRecord()
