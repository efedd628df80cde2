"""What a flavor's extra specs may say about PCI devices, checked when they are set and not at the first boot."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import InvalidExtraSpec
from busway.domain.guest_machine import check_machine_specs
from busway.domain.host_trait import TRAIT, TRAIT_WORDS
from busway.domain.numa_policy import NUMA_POLICY_EXTRA_SPEC, parse_numa_policy
from busway.domain.resource_request import check_resources
from busway.domain.within import WITHIN_EXTRA_SPEC, parse_within

PCI_EXTRA_SPECS = (ALIAS_EXTRA_SPEC, NUMA_POLICY_EXTRA_SPEC, WITHIN_EXTRA_SPEC)
# A namespace of Nova's that changes a guest there, and nothing here.
_REFUSED = {
    "accel": "There is no service of accelerators: devices are asked for by aliases and resource classes.",
}
_CLOSE = 0.85  # of 1: hw:pci_numa_afinity_policy is closer, hw:numa_nodes is not


def check_extra_specs(specs: Mapping[str, str]) -> None:
    """Raises `InvalidExtraSpec` for a PCI request that no boot could read, or that would silently be none.

    Nova checks neither before microversion 2.86: a misspelled key makes servers without their GPU.
    """
    for key, value in specs.items():
        if key == ALIAS_EXTRA_SPEC:
            parse_alias_counts(value)
        elif key == NUMA_POLICY_EXTRA_SPEC:
            parse_numa_policy(value)
        elif key == WITHIN_EXTRA_SPEC:
            parse_within(value)
        elif key.startswith(TRAIT):
            _check_trait(key, value)
        else:
            _refuse_undone(key)
            _refuse_misspelled(key)
    check_machine_specs(specs)
    check_resources(specs)


def _check_trait(key: str, value: str) -> None:
    if value not in TRAIT_WORDS:
        raise InvalidExtraSpec(f"{key} is '{value}'", remedy=f"Write {' or '.join(TRAIT_WORDS)}.")


def _refuse_undone(key: str) -> None:
    namespace = key.partition(":")[0]
    if ":" in key and namespace in _REFUSED:
        raise InvalidExtraSpec(f"{key} has no effect", detail=_REFUSED[namespace], remedy="Leave it out.")


def _refuse_misspelled(key: str) -> None:
    namespace = ALIAS_EXTRA_SPEC.partition(":")[0]
    near = difflib.get_close_matches(key.lower(), PCI_EXTRA_SPECS, n=1, cutoff=_CLOSE)
    if not near and key.partition(":")[0] != namespace:
        return
    raise InvalidExtraSpec(
        f"{key} is not an extra spec that Busway knows",
        detail=f"The extra specs for PCI devices are {', '.join(PCI_EXTRA_SPECS)}.",
        remedy=f"Did you mean {near[0] if near else ALIAS_EXTRA_SPEC}?",
    )
