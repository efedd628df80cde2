"""All words of the console, in one file: `texts/en.toml`. A template that asks for one that is not there fails."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import Any


@cache
def texts() -> SimpleNamespace:
    """The texts as attributes: `texts().map.title`."""
    return _namespace(tomllib.loads(files("busway.web").joinpath("texts/en.toml").read_text("utf-8")))


def _namespace(values: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{key: _namespace(v) if isinstance(v, dict) else v for key, v in values.items()})
