"""Long tables of cases: `make check` tries one in several of them, `make test` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(count: int, cases: Iterable[Any]) -> list[Any]:
    """Return the cases for `parametrize`, all but each `count`-th of them `thorough`. A tuple holds the values of several names."""
    values = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*each, marks=pytest.mark.thorough if number % count else ()) for number, each in enumerate(values)
    ]
