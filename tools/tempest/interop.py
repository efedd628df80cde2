"""OpenStack's interoperability guideline: which of Tempest's tests it requires, and what became of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.tempest.outcomes import Outcome

_FILE = Path(__file__).with_name("interop.toml")
_OF_VOLUMES = re.compile(r"^volumes-|^compute-volume-")


@dataclass(frozen=True, slots=True)
class Guideline:
    """The idempotent ids of the required tests, and of them those of volumes; `flagged` ids are not required."""

    name: str
    required: frozenset[str]
    of_volumes: frozenset[str]
    flagged: frozenset[str]


@cache
def guideline() -> Guideline:
    """Return the guideline of interop.toml, which says where it is from."""
    told = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    flagged = frozenset(told["flagged"])
    ids = {name: frozenset(each) - flagged for name, each in told["capabilities"].items()}
    volumes = frozenset().union(*(each for name, each in ids.items() if _OF_VOLUMES.match(name)))
    return Guideline(told["guideline"], frozenset().union(*ids.values()), volumes, flagged)


def required(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return one outcome for each required id: the worst that was run, and a skip where none was."""
    worst = ("failed", "passed", "skipped")
    found: dict[str, Outcome] = {}
    for each in outcomes:
        if each.id in guideline().required:
            found[each.id] = min(found.get(each.id, each), each, key=lambda one: worst.index(one.status))
    return list(found.values())
