"""Pages of lists in SQL: order by several columns, pages after a marker, and regular expressions as LIKE or GLOB.

A page starts after the values of its marker's row (keyset pagination), so that late pages cost as much as the
first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true, union_all

from busway.domain.errors import BadInput
from busway.store.database import Tx

_SECOND, _LAST = timedelta(seconds=1), datetime.max.replace(tzinfo=UTC)
_MOST_STARS = 3  # more of them make LIKE and GLOB try exponentially often
_ENDS = re.compile(r"(?<!\\)(?:\\\\)*\$\Z")  # a dollar sign that no backslash makes a letter
_PATTERN_TOKEN = re.compile(r"\\([^A-Za-z0-9])|(\.\*)|(\.)|([^\\^$*+?{}\[\]()|.])")


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by. Rows without a value come last, or first if it descends."""

    column: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False


def page_of(
    tx: Tx,
    statement: Select[Any],
    keys: Sequence[SortKey],
    *,
    marker: ColumnElement[bool] | None = None,
    limit: int | None = None,
) -> Select[Any]:
    """Returns the statement ordered by the keys, after the row that `marker` selects, with at most `limit` rows.

    Raises `BadInput` if the marker selects no row. The keys together must be unique.
    """
    after = _seek(tx, [(keys, marker)]) if marker is not None else None
    return _cut(statement, _parts(keys), after, limit)


def page_of_several(
    tx: Tx,
    lists: Sequence[tuple[Select[Any], Sequence[SortKey], ColumnElement[bool]]],
    *,
    has_marker: bool = False,
    limit: int | None = None,
) -> Select[Any]:
    """One page of several lists: for each the statement, the keys and what selects the marker's row, if it is in that list.

    Of each list no more is read than a page. The statements have the same columns; those of the answer are theirs.
    """
    after = _seek(tx, [(keys, marker) for _, keys, marker in lists]) if has_marker else None
    cut = []
    for statement, keys, _ in lists:
        parts = _parts(keys)
        orders = [column.label(f"order{place}") for place, (column, _) in enumerate(parts)]
        cut.append(_cut(statement.add_columns(*orders), parts, after, limit).subquery())
    both = union_all(*(select(each) for each in cut)).subquery()
    parts = [(both.c[f"order{place}"], down) for place, (_, down) in enumerate(_parts(lists[0][1]))]
    columns = [both.c[column.name] for column in lists[0][0].selected_columns]
    return _cut(select(*columns), parts, None, limit)


def _seek(tx: Tx, lists: Iterable[tuple[Sequence[SortKey], ColumnElement[bool]]]) -> tuple[Any, ...]:
    """What the marker's row has in the columns of the order, in the first list that has it; raises `BadInput`."""
    for keys, marker in lists:
        row = tx.execute(select(*(column for column, _ in _parts(keys))).where(marker)).one_or_none()
        if row is not None:
            return tuple(row)
    raise BadInput("The marker could not be found", remedy="Start again with the first page.", code="unknown-marker")


def _cut(
    statement: Select[Any],
    parts: Sequence[tuple[ColumnElement[Any], bool]],
    after: Sequence[Any] | None,
    limit: int | None,
) -> Select[Any]:
    if after is not None:
        statement = statement.where(_after(parts, after))
    statement = statement.order_by(*(column.desc() if down else column.asc() for column, down in parts))
    return statement if limit is None else statement.limit(limit)


def after_row(keys: Sequence[SortKey], values: Sequence[Any]) -> ColumnElement[bool]:
    """Returns the condition for rows after the one with these values of the keys; the columns must not be null."""
    return _after([(key.column, key.descending) for key in keys], values)


def second_after(time: datetime) -> datetime:
    """Returns the time a second later, or the last one that there is."""
    return time + min(_SECOND, _LAST - time)


def in_seconds(column: ColumnElement[Any], times: Collection[datetime]) -> ColumnElement[bool]:
    """Returns the condition that a time is within one of these seconds, because times are shown without fractions."""
    return or_(*(and_(column >= time, column < second_after(time)) for time in times))


def narrowed(
    tx: Tx, column: ColumnElement[Any], pattern: str, *, any_case: bool = False
) -> tuple[ColumnElement[bool], bool]:
    """Translates a regular expression to an SQL condition; returns it, and whether it is exact.

    Literals, `.`, `.*`, `^` and `$` become LIKE or GLOB, both case-sensitive unless `any_case`. For anything else the condition
    matches too much, and the caller filters the rows.
    """
    begins, core = pattern.startswith("^"), pattern.removeprefix("^")
    ends = _ENDS.search(core) is not None
    core = core.removesuffix("$") if ends else core
    tokens = _tokens(core)
    if tokens is None or tokens.count(".*") > _MOST_STARS:
        return true(), False
    if begins and ends and not any_case and not {".", ".*"} & set(tokens):
        return column == "".join(map(_letter, tokens)), True
    sqlite = tx.dialect.name == "sqlite"
    any_, one = ("*", "?") if sqlite else ("%", "_")
    words = [_word(part, any_, one, sqlite=sqlite) for part in tokens]
    text = ("" if begins else any_) + "".join(words) + ("" if ends else any_)
    wanted: Any = text
    if any_case:
        column, wanted = func.lower(column), func.lower(text)
    return column.op("GLOB", is_comparison=True)(wanted) if sqlite else column.like(wanted, escape="\\"), True


def _tokens(core: str) -> list[str] | None:
    """Yields the parts of a simple pattern: ".*", ".", or a literal character, with a backslash if that is a dot."""
    found, place = [], 0
    while place < len(core):
        match = _PATTERN_TOKEN.match(core, place)
        if match is None:
            return None
        escaped, many, one, plain = match.groups()
        if match.end() < len(core) and core[match.end()] in "*+?{":
            return None
        found.append("\\." if escaped == "." else escaped or many or one or plain)
        place = match.end()
    return found


def _word(part: str, any_: str, one: str, *, sqlite: bool) -> str:
    if part == ".*":
        return any_
    if part == ".":
        return one
    letter = _letter(part)
    if sqlite:
        return f"[{letter}]" if letter in "*?[" else letter
    return f"\\{letter}" if letter in "%_\\" else letter


def _letter(part: str) -> str:
    return part.removeprefix("\\") or "\\"


def _parts(keys: Sequence[SortKey]) -> list[tuple[ColumnElement[Any], bool]]:
    """Returns the columns to sort by; a nullable one is preceded by whether it is null, because databases differ in that."""
    found: list[tuple[ColumnElement[Any], bool]] = []
    for key in keys:
        if key.nullable:
            found.append((case((key.column.is_(None), 1), else_=0), key.descending))
        found.append((key.column, key.descending))
    return found


def _after(parts: Sequence[tuple[ColumnElement[Any], bool]], values: Sequence[Any]) -> ColumnElement[bool]:
    cases = []
    equal: list[ColumnElement[bool]] = []
    for (column, down), value in zip(parts, values, strict=True):
        if value is not None:
            cases.append(and_(*equal, column < value if down else column > value))
        equal.append(column.is_(None) if value is None else column == value)
    (first, down), value = parts[0], values[0]
    if len(parts) == 1 or value is None:
        return or_(*cases)
    # What follows from the rest already, said once more for an index: without it SQLite goes through all rows before the marker.
    return and_(first <= value if down else first >= value, or_(*cases))
