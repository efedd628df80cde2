"""Usage: device-seconds from the ledger of claims, and server-hours from the servers' own lives, as Nova counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.policy import authorize
from busway.store import ledger, projects, server_lives, users
from busway.store.database import Tx
from busway.store.ledger import BY, Entry, Line, Window
from busway.store.server_lives import Life

MOST_ENTRIES = 1000
MOST_STRETCHES = 48


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used from `start` to before `end`, which is never later than now."""

    start: datetime
    end: datetime
    lines: tuple[Line, ...]
    names: dict[str, str]  # of projects and users that are still there, by id


@dataclass(frozen=True, slots=True)
class Entries:
    """One page of the ledger; `marker` asks for the next one, and is "" on the last."""

    start: datetime
    end: datetime
    entries: tuple[Entry, ...]
    marker: str


def sum_usage(
    control: Control, caller: Caller, start: datetime, end: datetime, by: Sequence[str], project_id: str | None
) -> Usage:
    """Adds up who used how many devices for how long; `project_id` None is all projects."""
    unknown = [each for each in by if each not in BY]
    if unknown or not by:
        raise BadInput(
            f"Usage can't be grouped by {', '.join(unknown) or 'nothing'}",
            remedy=f"Use one or more of: {', '.join(BY)}.",
            code="usage-by-unknown",
        )
    window = _window(control, caller, start, end, project_id)
    with control.db.read() as tx:
        return Usage(window.start, window.end, tuple(ledger.sum_usage(tx, window, by)), _names(tx))


def sum_over_time(
    control: Control, caller: Caller, windows: Sequence[tuple[datetime, datetime]], project_id: str | None
) -> list[tuple[Line, ...]]:
    """The usage of each stretch of time by model; one statement for each stretch, of which there are at most `MOST_STRETCHES`."""
    if len(windows) > MOST_STRETCHES:
        raise BadInput(
            f"{len(windows)} stretches of time", remedy=f"Ask for at most {MOST_STRETCHES}.", code="usage-window"
        )
    asked = [_window(control, caller, start, end, project_id) for start, end in windows]
    with control.db.read() as tx:
        return [tuple(ledger.sum_usage(tx, window, ("model",))) for window in asked]


def list_entries(
    control: Control, caller: Caller, start: datetime, end: datetime, project_id: str | None, limit: int, marker: str
) -> Entries:
    """The entries of the ledger that touch a time, in the order of their claims."""
    window = _window(control, caller, start, end, project_id)
    limit = max(1, min(limit, MOST_ENTRIES))
    with control.db.read() as tx:
        after = None
        if marker:
            last = ledger.find_entry(tx, marker)
            if last is None or (project_id is not None and last.project_id != project_id):
                raise BadInput(f"No entry {marker}", remedy="Start again without a marker.", code="unknown-marker")
            after = (last.claimed, last.id)
        found = ledger.list_entries(tx, window, limit=limit, after=after)
    return Entries(window.start, window.end, tuple(found), found[-1].id if len(found) == limit else "")


def list_lives(
    control: Control, start: datetime, end: datetime, project_id: str | None, *, limit: int | None, marker: str | None
) -> Sequence[Life]:
    """The servers that ran within a time, by project and id; the caller's right has been asked for."""
    with control.db.read() as tx:
        after = None
        if marker is not None:
            after = server_lives.find_place(tx, marker)
            if after is None:
                raise BadInput(f"Marker {marker} could not be found", code="unknown-marker")
        return server_lives.list_lives(tx, start, end, project_id, limit=limit, after=after)


def _window(control: Control, caller: Caller, start: datetime, end: datetime, project_id: str | None) -> Window:
    if project_id is None:
        authorize(caller, "busway:usage:all-projects")
    else:
        authorize(caller, "busway:usage", {"project_id": project_id})
    end = min(end, control.now())
    if start > end:
        raise BadInput(
            "Invalid start time. The start time cannot occur after the end time.",
            remedy="Choose a start time before the end time and before now.",
            code="usage-window",
        )
    return Window(start, end, project_id)


def _names(tx: Tx) -> dict[str, str]:
    named = {str(each.id): each.name for each in projects.list_projects(tx)}
    return named | {str(each.id): each.name for each in users.list_users(tx)}
