"""The fields of a body's schema, values that fit each, and what a request did: its answer and all rows of the database."""

from __future__ import annotations

import copy
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busway.api.operation import Operation
from busway.api.schema import Definition, Schema
from busway.domain.errors import BadInput

# An item of a list, and any key of an object whose keys are free.
ITEM, ANY = "[]", "*"
# A key that an object which takes others than its own may have.
UNKNOWN = "unknown_field"
KEY = "key1"
_NUMBERS = (0, 1, 2, 3, 5, -1, 1.5)
_WORDS = (
    "alpha", "beta", "1", "2", "10.0.2.107", "10.0.2.108", "2001:db8::7", "10.9.0.0/24", "2036-01-01T00:00:00.000000Z",
    "00000000-0000-4000-8000-00000000aaaa", "00000000-0000-4000-8000-00000000bbbb", "fa:16:3e:00:00:07", "YWxwaGE=",
    "CUSTOM_ALPHA", "/alpha", "/beta", "shared", "dedicated", "https://example.org/", "a" * 64, "a" * 32, "b" * 32, "1400", "1500",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
# What is asked and answered is told there word by word.
_RECORDS = {"audit"}
Path_ = tuple[str, ...]
Outcome = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it is in a body, what its schema is, and the newest microversion that has it."""

    path: Path_
    schema: Definition
    version: int

    @property
    def name(self) -> str:
        return ".".join(self.path)


def fields_of(operation: Operation) -> list[Field]:
    """All fields of an operation's body, each at the newest microversion whose schema has it."""
    body = operation.body if operation.body is not None else operation.shown_body
    if body is None:
        return []
    schemas: Mapping[int, Schema] = body if isinstance(body, Mapping) else {operation.since: body}
    starts = sorted(schemas)
    found: dict[Path_, Field] = {}
    for since, end in zip(starts, [*(start - 1 for start in starts[1:]), operation.until], strict=True):
        for path, schema in _walk(schemas[since].definition, ()):
            earlier = found.get(path)
            same = earlier is not None and earlier.version == end  # several forms of one field
            found[path] = Field(path, {"anyOf": [earlier.schema, schema]} if earlier and same else schema, end)
    return list(found.values())


def _walk(schema: Definition, path: Path_) -> Iterator[tuple[Path_, Definition]]:
    for name, inner in (schema.get("properties") or {}).items():
        yield (*path, name), inner
        yield from _walk(inner, (*path, name))
    free = [*(schema.get("patternProperties") or {}).values(), schema.get("additionalProperties", {})]
    for inner in free:
        if isinstance(inner, Mapping) and inner:
            yield (*path, ANY), inner
            yield from _walk(inner, (*path, ANY))
    is_object = "properties" in schema or "object" in _types(schema)
    if is_object and "additionalProperties" not in schema and "patternProperties" not in schema:
        yield (*path, UNKNOWN), {}
    if isinstance(schema.get("items"), Mapping):
        yield from _walk(schema["items"], (*path, ITEM))
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, ()):
            yield from _walk(inner, path)


def _types(schema: Definition) -> tuple[str, ...]:
    of = schema.get("type", ())
    return (of,) if isinstance(of, str) else tuple(of)


def is_whole(schema: Definition) -> bool:
    """True for an object, or a list of them, that is nothing but its fields, which are looked at one by one."""
    if any(schema.get(word) for word in ("properties", "patternProperties", "additionalProperties")):
        return True
    parts = [each for word in ("anyOf", "oneOf") for each in schema.get(word, ())]
    parts += [schema["items"]] if isinstance(schema.get("items"), Mapping) else []
    return any(is_whole(each) for each in parts)


def is_fixed(schema: Definition) -> bool:
    """True where every value but one is refused."""
    return len(schema.get("enum", ())) == 1 or schema.get("maxItems") == 0 or schema.get("type") == "null"


def values(schema: Definition) -> list[Any]:
    """Different values that a schema lets through."""
    found: list[Any] = []
    check = Schema(schema)
    for value in _candidates(schema):
        try:
            check.check(value)
        except BadInput:
            continue
        if not any(type(value) is type(each) and value == each for each in found):
            found.append(value)
    return found


def _candidates(schema: Definition) -> Iterator[Any]:
    yield from schema.get("enum", ())
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, ()):
            yield from _candidates(inner)
    yield from (True, False, *_numbers(schema), *_WORDS)
    if isinstance(schema.get("items"), Mapping):
        for inner in values(schema["items"])[:3]:
            yield [inner]
    if isinstance(schema.get("properties"), Mapping):
        yield least(schema)
    yield from ([], {}, ["alpha"], {KEY: "alpha"}, None)


def _numbers(schema: Definition) -> Iterator[float]:
    low = schema.get("minimum", 0)
    yield from (low + 1, low + 2, low, *_NUMBERS)


def least(schema: Definition) -> Any:
    """The smallest value of a schema: an object with what it requires."""
    for word in ("anyOf", "oneOf"):
        for inner in schema.get(word, ()):
            if "properties" in inner:
                return least(inner)
    if "properties" in schema:
        return {name: least(schema["properties"][name]) for name in schema.get("required", ())}
    found = values(schema)
    return found[0] if found else "alpha"


def steps(body: Any, path: Path_) -> Path_:
    """The path with the keys that a body has for those that are free."""
    made: list[str] = []
    for step in path:
        if step == ANY:
            step = next((key for key in body or () if isinstance(body, Mapping)), KEY)
        made.append(step)
        body = body[0] if step == ITEM and isinstance(body, list) and body else body
        body = body.get(step) if isinstance(body, Mapping) else body if step == ITEM else None
    return tuple(made)


def with_parent(body: Any, path: Path_, schemas: Mapping[Path_, Definition]) -> Any:
    """A copy in which the thing that has a field is there."""
    made = copy.deepcopy(body)
    for end in range(1, len(path)):
        if get(made, path[:end]) is None:
            step = path[end]
            if path[end - 1] == ITEM:
                continue
            if step == ITEM:
                made = put(made, path[:end], [{}])
                inner = schemas.get(path[:end], {}).get("items", {})
                made = put(made, path[:end], [least(inner)])
            else:
                value = least(schemas.get(path[:end], {}))
                made = put(made, path[:end], value if isinstance(value, Mapping) else {})
    return made


def get(body: Any, path: Path_) -> Any:
    for step in path:
        if step == ITEM:
            body = body[0] if isinstance(body, list) and body else None
        else:
            body = body.get(step) if isinstance(body, Mapping) else None
    return body


def put(body: Any, path: Path_, value: Any) -> Any:
    """A copy with a value at a path."""
    if not path:
        return value
    step, *rest = path
    if step == ITEM:
        items = list(body or [{}])
        return [put(items[0], tuple(rest), value), *items[1:]]
    made = dict(body) if isinstance(body, Mapping) else {}
    made[step] = put(made.get(step), tuple(rest), value)
    return made


def without(body: Any, path: Path_) -> Any:
    """A copy without what is at a path."""
    step, *rest = path
    if step == ITEM:
        if not isinstance(body, list) or not body:
            return body
        return [without(body[0], tuple(rest)), *body[1:]] if rest else body[1:]
    if not isinstance(body, Mapping) or step not in body:
        return body
    if not rest:
        return {key: value for key, value in body.items() if key != step}
    return {**body, step: without(body[step], tuple(rest))}


def rows_of(database: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of a SQLite database, by their tables, but those that record requests."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]
            for name in names
            if name not in _RECORDS
        }
    connection.close()
    return found


def outcome(status: int, answer: Any, rows: Mapping[str, Sequence[Mapping[str, Any]]], known: set[str]) -> Outcome:
    """What a request did, as values by place; ids that nobody knew before are all alike."""

    def told(value: object) -> str:
        text = value if isinstance(value, str) else repr(value)
        return _UUID.sub(lambda match: match[0] if match[0] in known else "ID", text)

    found: Outcome = {"status": Counter([str(status)])}
    for place, value in _leaves(answer, "answer"):
        found.setdefault(place, Counter())[told(value)] += 1
    for table, each in rows.items():
        found[f"{table} rows"] = Counter([str(len(each))])
        for row in each:
            for column, value in row.items():
                found.setdefault(f"{table}.{column}", Counter())[told(value)] += 1
    return found


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, f"{place}[]")
    else:
        yield place, value


def ids_in(*things: Any) -> set[str]:
    """All ids that these hold."""
    return {match for thing in things for match in _UUID.findall(json.dumps(thing, default=str))}


def differences(one: Outcome, other: Outcome) -> set[str]:
    """The places in which two outcomes differ."""
    return {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}
