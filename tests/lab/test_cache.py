from __future__ import annotations

import threading
from pathlib import Path

import pytest

from busway.lab.cache import Cache


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(new: Path) -> None:
        made.append(new)
        new.write_text("whole")

    cache = Cache(tmp_path)
    paths = {cache.entry("kind/name", make) for _ in range(3)}

    assert len(made) == 1
    assert [path.read_text() for path in paths] == ["whole"]


def test_an_interrupted_maker_leaves_no_entry(tmp_path: Path) -> None:
    def interrupted(new: Path) -> None:
        new.write_text("half")
        raise KeyboardInterrupt

    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.entry("name", interrupted)

    def whole(new: Path) -> None:
        new.write_text("whole")

    assert cache.entry("name", whole).read_text() == "whole"


def test_what_a_killed_maker_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".new-name").mkdir()
    (tmp_path / ".new-name" / "half").write_text("half")

    made = Cache(tmp_path).entry("name", Path.mkdir)

    assert list(made.iterdir()) == []


def test_two_makers_take_turns(tmp_path: Path) -> None:
    begun, go_on, made = threading.Event(), threading.Event(), []

    def slow(new: Path) -> None:
        begun.set()
        assert go_on.wait(10)
        made.append(1)
        new.write_text("first")

    first = threading.Thread(target=lambda: Cache(tmp_path).entry("name", slow))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: Cache(tmp_path).entry("name", slow))
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)

    assert made == [1]
