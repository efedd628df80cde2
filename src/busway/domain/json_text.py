"""Reads one JSON value out of a configuration text, and finds the keys that it says twice."""

from __future__ import annotations

import json
from collections.abc import Iterable

_WORDS = {list: "list", dict: "object", str: "string", bool: "boolean", int: "number", float: "number"}


class NotJson(Exception):
    """A text is not JSON; the message says where it ends to be."""


def load_json(text: str) -> object:
    """Reads a JSON value; raises `NotJson` with the place and, where it is known, the habit that broke it."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} of the value" if "\n" in text.strip() else f"column {error.colno}"
        raise NotJson(f"It is not JSON: {error.msg} at {place}{_hint(text)}") from error
    except RecursionError as error:
        raise NotJson("It is not JSON that can be read: it is nested too deeply") from error


def repeated_keys(text: str) -> list[str]:
    """The keys that one object of the text has twice; JSON keeps the last value of each."""
    found: list[str] = []

    def collect(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
        kept: dict[str, object] = {}
        for key, value in pairs:
            if key in kept:
                found.append(key)
            kept[key] = value
        return kept

    json.loads(text, object_pairs_hook=collect)
    return found


def json_word(value: object) -> str:
    """What JSON calls the kind of a value: "object", "number", "null"."""
    return _WORDS.get(type(value), "null")


def _hint(text: str) -> str:
    bare = text.strip()
    if not bare:
        return " (it is empty)"
    if bare[0] in "'\"":
        return " (quotes around a value of several lines stay in it: remove them)"
    if "'" in bare:
        return " (JSON's quotes are double quotes)"
    if bare.rstrip("}] \n").endswith(","):
        return " (JSON allows no comma before a closing bracket)"
    return ""
