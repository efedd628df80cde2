"""Mediated devices: what hosts report of their parents, which types an operator enables, and what a host offers by both.

The words and rules are Nova's: `[devices] enabled_mdev_types`, and a group `[mdev_TYPE]` for each type with
`device_addresses`, `mdev_class` and `max_instances`. One parent gives one type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from busway.domain.errors import InvalidConfig
from busway.domain.ids import DeviceId

VGPU = "VGPU"
_CLASS = re.compile(r"VGPU|CUSTOM_[A-Z0-9_]{1,248}")
_TYPE = re.compile(r"[\w.+ -]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MdevTypeSeen:
    """A type of a parent: how many more of it can be made now (None if the kernel does not say), and its instances."""

    id: str
    name: str = ""
    available: int | None = None
    instances: tuple[str, ...] = ()  # UUIDs
    device_api: str = ""


@dataclass(frozen=True, slots=True)
class MdevParentSeen:
    """A device that can be cut into mediated ones, as its host reported it; `name` may be a PCI address."""

    name: str
    types: tuple[MdevTypeSeen, ...] = ()
    numa_node: int | None = None

    def type(self, type_id: str) -> MdevTypeSeen | None:
        """The type of that id, None where the parent does not have it."""
        return next((each for each in self.types if each.id == type_id), None)


@dataclass(frozen=True, slots=True)
class MdevRule:
    """An enabled type. Without `addresses` it is that of every parent which no other rule names.

    `max_instances` caps what one parent gives, for a card whose kernel can't tell what its parents give together.
    """

    type_id: str
    addresses: tuple[str, ...] = ()
    resource_class: str = VGPU
    max_instances: int | None = None


@dataclass(frozen=True, slots=True)
class MdevOffer:
    """What a parent gives of its enabled type: `total` instances, of which the `taken` slots have live claims.

    `blocked` is why it gives none although some are left, "" if nothing is in the way.
    """

    device_id: DeviceId
    parent: str
    type_id: str
    resource_class: str
    total: int
    taken: frozenset[int] = frozenset()
    blocked: str = ""
    numa_node: int | None = None

    @property
    def free(self) -> int:
        """How many more it gives now."""
        return 0 if self.blocked else max(self.total - len(self.taken), 0)

    def __str__(self) -> str:
        left = self.blocked or f"{self.free} of {self.total} free"
        return f"cut into mediated devices of the type {self.type_id} ({self.resource_class}): {left}"

    @property
    def sort(self) -> tuple[object, ...]:
        """Equal for offers of equal hosts: all of it but its id."""
        return self.parent, self.type_id, self.resource_class, self.total, self.taken, self.blocked, self.numa_node

    def slots(self, count: int) -> tuple[int, ...]:
        """The lowest slots that are free."""
        found = (slot for slot in range(self.total + len(self.taken)) if slot not in self.taken)
        return tuple(slot for slot, _ in zip(found, range(count), strict=False))


class MdevRules:
    """All enabled types, in their order; raises `InvalidConfig` for two types of one parent."""

    def __init__(self, rules: Iterable[MdevRule] = ()) -> None:
        self.rules = tuple(rules)
        self._named: dict[str, MdevRule] = {}
        for rule in self.rules:
            _check(rule)
            for address in rule.addresses:
                if address in self._named:
                    raise _bad(
                        f"{address} is given two mdev types: {self._named[address].type_id} and {rule.type_id}",
                        "Name each parent under one type: a parent gives one.",
                    )
                self._named[address] = rule
        everywhere = [rule for rule in self.rules if not rule.addresses]
        if len(everywhere) > 1:
            raise _bad(
                f"The mdev types {' and '.join(rule.type_id for rule in everywhere)} both are for all other parents",
                "Give all of them but one the option device_addresses.",
            )
        self._default = everywhere[0] if everywhere else None

    def rule_for(self, parent: MdevParentSeen) -> MdevRule | None:
        """The rule of a parent; the type for all others is only for parents that have it."""
        named = self._named.get(parent.name)
        if named is not None:
            return named
        default = self._default
        return default if default is not None and parent.type(default.type_id) is not None else None

    @property
    def classes(self) -> frozenset[str]:
        """The resource classes that flavors can ask for."""
        return frozenset(rule.resource_class for rule in self.rules)


def offer_of(
    parent: MdevParentSeen, rule: MdevRule, device_id: DeviceId, claimed: Mapping[str, tuple[str, int]], blocked: str
) -> MdevOffer:
    """What a parent gives by its rule; `claimed` are the live claims on it: type and slot by the claim's id.

    Instances that no claim knows were made by somebody else, and count as not there to be given.
    """
    seen = parent.type(rule.type_id)
    taken = frozenset(slot for _, slot in claimed.values())
    if seen is None:
        blocked = blocked or f"it has no type {rule.type_id} (it has {', '.join(t.id for t in parent.types) or 'none'})"
        return MdevOffer(device_id, parent.name, rule.type_id, rule.resource_class, 0, taken, blocked, parent.numa_node)
    own = sum(1 for uuid in seen.instances if uuid in claimed)
    total = (seen.available or 0) + own
    if rule.max_instances is not None:
        total = min(total, rule.max_instances)
    other = sorted({type_id for type_id, _ in claimed.values()} - {rule.type_id})
    if other:
        blocked = blocked or f"servers still have instances of its earlier type {', '.join(other)}"
    return MdevOffer(device_id, parent.name, rule.type_id, rule.resource_class, total, taken, blocked, parent.numa_node)


def _check(rule: MdevRule) -> None:
    if not _TYPE.fullmatch(rule.type_id):
        raise _bad(f"'{rule.type_id}' can't be an mdev type", "Write it as `ls mdev_supported_types` shows it.")
    if not _CLASS.fullmatch(rule.resource_class):
        words = f"mdev_class of {rule.type_id} is '{rule.resource_class}'"
        raise _bad(words, "It is VGPU, or CUSTOM_ and capitals, digits and underscores.")
    if rule.max_instances is not None and rule.max_instances < 1:
        raise _bad(f"max_instances of {rule.type_id} is {rule.max_instances}", "It is at least 1.")


def _bad(brief: str, remedy: str) -> InvalidConfig:
    return InvalidConfig(brief, remedy=remedy, code="invalid-mdev-types")
