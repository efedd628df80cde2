"""Tools that can't run here are played: each file of `stories` has what one sends, and what it reads of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import PASSWORD
from tests.clients.player import FOLDER, Player, read_story
from tests.clients.told import unread

STORIES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", STORIES)
def test_what_a_tool_sends_is_answered_with_what_it_reads(player: Player, name: str) -> None:
    story = read_story(name)
    if story.get("as") == "admin":
        player.known |= {"user": "admin", "password": PASSWORD, "project": "admin"}

    player.play(story)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1"),
        ("int", 1.5),
        ("int", True),
        ("string!", None),
        ("time", "2026-01-01T00:00:00"),
        ("time", "2026-01-01"),
        ("time without zone", "2026-01-01T00:00:00Z"),
        ("time of a token", "2026-01-01T00:00:00"),
        ("texts", {"a": 1}),
        ("objects", ["a"]),
        ("float", "1.0"),
    ],
)
def test_an_answer_that_go_would_not_decode_is_found(kind: str, value: Any) -> None:
    assert unread({"field": value}, {"field": kind})
    assert unread({}, {"field": kind})
