"""The scheduler's policy out of `[filter_scheduler]`, with Nova's names, and what of it means nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oslo_config import cfg

from busway.bootstrap.config_source import Source
from busway.domain.config_warning import ConfigWarning
from busway.domain.document_room import SERVERS_PER_HOST
from busway.scheduler.policy import DEFAULT_FILTERS, DEFAULT_POLICY, Policy, choose_filters

OPTIONS = [
    cfg.ListOpt(
        "enabled_filters",
        deprecated_opts=[
            cfg.DeprecatedOpt("scheduler_default_filters", group="DEFAULT"),
            cfg.DeprecatedOpt("scheduler_enabled_filters", group="DEFAULT"),
        ],
        help="The filters that are on. Default: all but AggregateImagePropertiesIsolation. What a claim rests on is on whatever is listed.",
    ),
    cfg.IntOpt(
        "max_instances_per_host",
        default=SERVERS_PER_HOST,
        min=1,
        help="How many servers a host may have at most.",
    ),
    cfg.FloatOpt(
        "pci_weight_multiplier",
        help="Above 0: hosts with fewer free devices first; below 0: with more; 0: no matter. Default: 1.",
    ),
    cfg.FloatOpt(
        "ram_weight_multiplier",
        deprecated_opts=[cfg.DeprecatedOpt("ram_weight_multiplier", group="DEFAULT")],
        help="Above 0: hosts with more free RAM first; below 0: with less; 0: no matter. Default: -1.",
    ),
    cfg.FloatOpt(
        "fragmentation_weight_multiplier",
        help="Above 0: small sets of free devices are broken first; below 0: large ones; 0: no matter. Default: 1.",
    ),
]
_WEIGHTS = ("pci_weight", "ram_weight", "fragmentation_weight")


def scheduling_policy(values: Mapping[str, Any]) -> Policy:
    """Makes the policy of the values of `[filter_scheduler]`; what is not set is as it is by default."""
    names = values.get("enabled_filters")
    filters = DEFAULT_FILTERS if names is None else choose_filters(names).filters
    given = {name: values.get(f"{name}_multiplier") for name in _WEIGHTS}
    weights = {name: value for name, value in given.items() if value is not None}
    return Policy(**{"filters": filters, **{n: getattr(DEFAULT_POLICY, n) for n in _WEIGHTS}, **weights})


def filter_warnings(source: Source, values: Mapping[str, Any]) -> Iterator[ConfigWarning]:
    """One warning per filter that is ignored, at the line of the list."""
    option = OPTIONS[0]
    entry = next(iter(source.of("filter_scheduler", option)), None)
    for warning in choose_filters(values.get("enabled_filters") or ()).warnings:
        yield ConfigWarning(
            entry.line if entry else None,
            entry.option if entry else "[filter_scheduler] enabled_filters",
            warning,
            "Take it out of the list, or leave it for Nova.",
            code="filter-ignored",
        )
