"""What the metadata of aggregates says of their hosts: keys of Nova's that have an effect, and those of them that have none here.

Any other key is a label, which flavors may ask for (`aggregate_instance_extra_specs:NAME`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from busway.domain.errors import BadInput
from busway.domain.host_trait import TRAIT
from busway.domain.text import shortened, whole_number

# A value has at most 255 characters, so that more projects need more keys: whatever begins with it counts, as in Nova.
PROJECTS_KEY = "filter_tenant_id"
CPU_RATIO, RAM_RATIO, DISK_RATIO = "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio"
MOST_SERVERS = "max_instances_per_host"
_RATIOS = (CPU_RATIO, RAM_RATIO, DISK_RATIO)
_RATIO = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)
_MOST_RATIO, _MOST_SERVERS = 1000, 1_000_000
_WEIGHT = "_weight_multiplier"
# Keys that change where servers go in Nova, and nothing here: why, and what to do instead.
_WITHOUT_EFFECT = {
    "max_io_ops_per_host": (
        "Nothing counts how many servers of a host are being built or moved: hosts do one thing after the other.",
        f"Limit the servers of a host with {MOST_SERVERS}.",
    ),
    "instance_type": (
        "No filter looks at the names of flavors (AggregateTypeAffinityFilter of Nova's).",
        "Set a label of your own, and aggregate_instance_extra_specs:LABEL in the flavors.",
    ),
    _WEIGHT: (
        "Hosts are ranked by the weights of [filter_scheduler], the same for all.",
        "Set a label of your own, and aggregate_instance_extra_specs:LABEL in the flavors.",
    ),
    TRAIT: (
        "Aggregates are not isolated by traits ([scheduler] enable_isolated_aggregate_filtering of Nova's).",
        f"Name the projects with {PROJECTS_KEY}, or give the hosts the trait and require it in flavors.",
    ),
}
_WORDS = (PROJECTS_KEY, *_RATIOS, MOST_SERVERS)
_CLOSE = 0.87  # of 1: cpu_alocation_ratio is closer, cpu_ratio and max_instances are not


@dataclass(frozen=True, slots=True)
class AggregateRules:
    """What the aggregates of one host say together; None where none of them says anything.

    Of several ratios and numbers the smallest counts, and of projects all.
    """

    projects: frozenset[str] = frozenset()
    cpu_ratio: float | None = None
    ram_ratio: float | None = None
    disk_ratio: float | None = None
    most_servers: int | None = None


NO_RULES = AggregateRules()


def rules_of(metadata: Iterable[Mapping[str, str]]) -> AggregateRules:
    """Reads the metadata of a host's aggregates; values that could not be set today, which an older release kept, say nothing."""
    each = tuple(metadata)
    ratios = {key: min((ratio for ratio in map(_ratio, _values(each, key)) if ratio), default=None) for key in _RATIOS}
    numbers = (whole_number(value) for value in _values(each, MOST_SERVERS))
    return AggregateRules(
        named_projects(each),
        ratios[CPU_RATIO],
        ratios[RAM_RATIO],
        ratios[DISK_RATIO],
        min((number for number in numbers if 1 <= number <= _MOST_SERVERS), default=None),
    )


def named_projects(metadata: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The ids of all projects that `filter_tenant_id` names, whatever follows it in the key."""
    return frozenset(
        project
        for values in metadata
        for key, value in values.items()
        if key.startswith(PROJECTS_KEY)
        for project in _listed(value)
        if project
    )


def check_words(changes: Mapping[str, str | None]) -> frozenset[str]:
    """Returns the projects that new metadata names; raises `BadInput` for a value that can't be, and for a key without effect."""
    for key, value in changes.items():
        if value is not None:
            _check(key, value)
    return named_projects([{key: value for key, value in changes.items() if value is not None}])


def _check(key: str, value: str) -> None:
    if key.startswith(PROJECTS_KEY):
        if not all(_listed(value)):
            raise _refused(key, value, "an empty name is no project", "Write the ids of projects, separated by commas.")
    elif key in _RATIOS:
        if _ratio(value) is None:
            raise _refused(key, value, f"it may be a number above 0, at most {_MOST_RATIO}", "Write 4 or 1.5.")
    elif key == MOST_SERVERS:
        if not 1 <= whole_number(value) <= _MOST_SERVERS:
            raise _refused(key, value, f"it may be 1 to {_MOST_SERVERS}", "Write a whole number.")
    else:
        _refuse_undone(key, value)


def _refuse_undone(key: str, value: str) -> None:
    found = next((word for word in _WITHOUT_EFFECT if key == word or _is_of(key, word)), None)
    if found is not None:
        detail, remedy = _WITHOUT_EFFECT[found]
        raise BadInput(f"{key} has no effect", detail=detail, remedy=remedy, code="aggregate-metadata")
    near = difflib.get_close_matches(key.lower(), _WORDS, n=1, cutoff=_CLOSE)
    if near:
        raise _refused(key, value, "there is no such key", f"Did you mean {near[0]}?")


def _is_of(key: str, word: str) -> bool:
    return (word == _WEIGHT and key.endswith(word)) or (word == TRAIT and key.startswith(word))


def _values(metadata: Iterable[Mapping[str, str]], key: str) -> Iterator[str]:
    return (values[key] for values in metadata if key in values)


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",")]


def _ratio(text: str) -> float | None:
    number = float(text) if _RATIO.fullmatch(text) else 0.0
    return number if 0 < number <= _MOST_RATIO else None


def _refused(key: str, value: str, why: str, remedy: str) -> BadInput:
    return BadInput(f"{key}={shortened(value)} is not supported: {why}", remedy=remedy, code="aggregate-metadata")
