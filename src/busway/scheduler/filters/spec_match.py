"""Compares a value with what an extra spec asks for, in Nova's language of operators.

A plain word must be equal. `= >= == != <=` compare numbers, `s== s!= s< s<= s> s>=` words; `<in> x` looks for a part,
`<all-in> x y` for all words, `<or> x <or> y` for one of several. `=` means at least, for reasons of history.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def spec_matches(value: str | None, wanted: str) -> bool:
    """True if a value meets an extra spec; None, a missing value, never does."""
    if value is None:
        return False
    verb, *rest = wanted.split() or [""]
    if verb in _NUMBERS and rest:
        return _compare_numbers(_NUMBERS[verb], value, rest[0])
    if verb in _WORDS and rest:
        return _WORDS[verb](value, rest[0])
    if verb == "<in>" and rest:
        return rest[0] in value
    if verb == "<all-in>":
        return all(word in value for word in rest)
    if verb == "<or>":
        return value in [word for word in rest if word != "<or>"]
    return value == wanted


def _compare_numbers(compare: Callable[[float, float], bool], value: str, wanted: str) -> bool:
    try:
        return compare(float(value), float(wanted))
    except ValueError:
        return False
