"""Mediated devices: what hosts report of their parents, which types an operator enables, and what a host offers by both.

The words and rules are Nova's: `[devices] enabled_mdev_types`, and a group `[mdev_TYPE]` for each type with
`device_addresses`, `mdev_class` and `max_instances`. A parent gives one type, or several of which each has a class of its
own: then the flavor chooses, as far as they fit on the card together (`busway.domain.vgpu`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from busway.domain.errors import InvalidConfig
from busway.domain.ids import DeviceId
from busway.domain.units.mdev import Instance, Mdev
from busway.domain.units.render import RenderShare
from busway.domain.units.vgpu import VgpuFunction
from busway.domain.vgpu import SharedCard, SizeMode, Vgpu, VgpuName, read_vgpu_name
from busway.domain.virgl import VIRGL, VIRGL_CLASS

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
    most: int | None = None  # how many of it the card takes, where its driver says so


@dataclass(frozen=True, slots=True)
class MdevParentSeen:
    """A device that can be cut into mediated ones, as its host reported it; `name` may be a PCI address."""

    name: str
    types: tuple[MdevTypeSeen, ...] = ()
    numa_node: int | None = None
    card: str = ""  # the PF of a parent that is a VF: its VFs share the card
    mode: str = ""  # of the card, a SizeMode; "" where its host does not tell
    kind: str = Mdev.kind  # of its instances; that of a VF which becomes a vGPU itself has its address for a UUID
    trouble: str = ""  # why its types can't be told, in words

    @property
    def card_name(self) -> str:
        """The card that the parent is, or is of."""
        return self.card or self.name

    def type(self, type_id: str) -> MdevTypeSeen | None:
        """The type of that id, None where the parent does not have it."""
        return next((each for each in self.types if each.id == type_id), None)


@dataclass(frozen=True, slots=True)
class MdevRule:
    """An enabled type. Without `addresses` it is that of every parent which no other rule names.

    An address is a parent's, or that of a PF for all its VFs. `max_instances` caps what one parent gives, for a card whose
    kernel can't tell what its parents give together.
    """

    type_id: str
    addresses: tuple[str, ...] = ()
    resource_class: str = VGPU
    max_instances: int | None = None


_USES = {
    Mdev.kind: "cut into mediated devices",
    VgpuFunction.kind: "to be a vGPU",
    RenderShare.kind: "that renders for guests, by shares",
}


@dataclass(frozen=True, slots=True)
class MdevOffer:
    """What a parent gives of its enabled type: `total` instances, of which the `taken` slots have live claims.

    `blocked` is why it gives none although some are left, "" if nothing is in the way. `size` is the GB that one takes of
    the shared card, 0 where no card's room counts. A `single` parent gives one instance, of whichever type.
    """

    device_id: DeviceId
    parent: str
    type_id: str
    resource_class: str
    total: int
    taken: frozenset[int] = frozenset()
    blocked: str = ""
    numa_node: int | None = None
    card: str = ""
    size: int = 0
    single: bool = False
    kind: str = Mdev.kind
    host_limit: int | None = None  # of render nodes: what all of the host give together

    @property
    def free(self) -> int:
        """How many more it gives now."""
        return 0 if self.blocked else max(self.total - len(self.taken), 0)

    def __str__(self) -> str:
        left = self.blocked or f"{self.free} of {self.total} free"
        return f"{_USES[self.kind]} of the type {self.type_id} ({self.resource_class}): {left}"

    @property
    def sort(self) -> tuple[object, ...]:
        """Equal for offers of equal hosts: all of it but its id."""
        place = self.parent, self.card, self.numa_node, self.kind
        return (
            *place,
            self.type_id,
            self.resource_class,
            self.total,
            self.taken,
            self.blocked,
            self.size,
            self.host_limit,
        )

    def slots(self, count: int) -> tuple[int, ...]:
        """The lowest slots that are free."""
        found = (slot for slot in range(self.total + len(self.taken)) if slot not in self.taken)
        return tuple(slot for slot, _ in zip(found, range(count), strict=False))


_RENDER = MdevRule(VIRGL, resource_class=VIRGL_CLASS)  # enabled wherever a host's operator declares a node


class MdevRules:
    """All enabled types, in their order; raises `InvalidConfig` for two types of one parent that flavors can't tell apart."""

    def __init__(self, rules: Iterable[MdevRule] = ()) -> None:
        self.rules = tuple(rules)
        self._named: dict[str, tuple[MdevRule, ...]] = {}
        for rule in self.rules:
            _check(rule)
            for address in rule.addresses:
                self._named[address] = (*self._named.get(address, ()), rule)
                _check_apart(address, self._named[address])
        everywhere = [rule for rule in self.rules if not rule.addresses]
        if len(everywhere) > 1:
            raise _bad(
                f"The mdev types {' and '.join(rule.type_id for rule in everywhere)} both are for all other parents",
                "Give all of them but one the option device_addresses.",
            )
        self._default = everywhere[0] if everywhere else None

    def rules_for(self, parent: MdevParentSeen) -> tuple[MdevRule, ...]:
        """The rules of a parent, which its card may have for it; the type for all others is for parents that have it."""
        if parent.kind == RenderShare.kind:
            return (_RENDER,)
        named = self._named.get(parent.name) or self._named.get(parent.card)
        if named:
            return named
        default = self._default
        return (default,) if default is not None and parent.type(default.type_id) is not None else ()

    @property
    def classes(self) -> frozenset[str]:
        """The resource classes that flavors can ask for."""
        return frozenset(rule.resource_class for rule in (*self.rules, _RENDER))


def offers_of(
    parent: MdevParentSeen,
    rules: tuple[MdevRule, ...],
    device_id: DeviceId,
    claimed: Mapping[str, Instance],
    blocked: str,
) -> tuple[MdevOffer, ...]:
    """What a parent gives by its rules; `claimed` are the live claims on it, by the claim's id."""
    offers = tuple(_offer(parent, rule, device_id, claimed, blocked) for rule in rules)
    first, *more = offers
    if first.single or all(offer.size for offer in offers):
        return offers
    words = f"how its types share it is not known, and it gives {first.type_id}"
    return (first, *(replace(offer, blocked=offer.blocked or words) for offer in more))


def _offer(
    parent: MdevParentSeen, rule: MdevRule, device_id: DeviceId, claimed: Mapping[str, Instance], blocked: str
) -> MdevOffer:
    """Instances that no claim knows were made by somebody else, and count as not there to be given."""
    seen = parent.type(rule.type_id)
    own = sum(1 for uuid in seen.instances if uuid in claimed) if seen else 0
    total = (seen.available or 0) + own if seen else 0
    if rule.max_instances is not None:
        total = min(total, rule.max_instances)
    name = read_vgpu_name(seen.name) if seen else None
    taken = frozenset(each.slot for each in claimed.values() if each.type_id == rule.type_id)
    offer = MdevOffer(
        device_id,
        parent.name,
        rule.type_id,
        rule.resource_class,
        total,
        taken,
        numa_node=parent.numa_node,
        card=_room(parent.card_name, rule.type_id, name),
        size=name.size if name else 0,
        single=bool(parent.card) and parent.kind != RenderShare.kind,
        kind=parent.kind,
        host_limit=seen.most if seen and parent.kind == RenderShare.kind else None,
    )
    return replace(offer, blocked=blocked or _obstacle(parent, rule, offer, seen, claimed))


def _obstacle(
    parent: MdevParentSeen,
    rule: MdevRule,
    offer: MdevOffer,
    seen: MdevTypeSeen | None,
    claimed: Mapping[str, Instance],
) -> str:
    if parent.trouble:
        return parent.trouble
    if seen is None:
        has = ", ".join(kind.id for kind in parent.types) or "none"
        return f"it has no type {rule.type_id} (it has {has})"
    others = sorted({each.type_id for each in claimed.values()} - {rule.type_id})
    if others and (offer.single or not offer.size):
        return f"servers still have instances of its type {', '.join(others)}"
    name = read_vgpu_name(seen.name)
    countable = not offer.single or name is None or seen.most is not None or rule.max_instances is not None
    if not countable and name is not None and (name.is_mig or SharedCard("", name.model).capacity is None):
        what = "GPU instances its card has for" if name.is_mig else "instances its card takes of"
        return f"how many {what} {rule.type_id} is not known: set max_instances of [mdev_{rule.type_id}]"
    return ""


def _room(card: str, type_id: str, name: VgpuName | None) -> str:
    """What the instances of a type share: the card's frame buffer, or the GPU instances that are made for the type."""
    if name is None:
        return ""
    return f"{card} (GPU instances for {type_id})" if name.is_mig else card


def shared_cards(
    parents: Sequence[MdevParentSeen], claimed: Mapping[str, Mapping[str, Instance]], rules: MdevRules
) -> tuple[SharedCard, ...]:
    """What vGPUs share, with all that is on each card; `claimed` is by the parent's name."""
    found: dict[str, SharedCard] = {}
    for parent in parents:
        claimed_here = claimed.get(parent.name, {})
        caps = {rule.type_id: rule.max_instances for rule in rules.rules_for(parent)}
        for kind in parent.types:
            name = read_vgpu_name(kind.name)
            if name is not None:
                strangers = [Vgpu(name.size) for uuid in kind.instances if uuid not in claimed_here]
                card = _card_of(found, parent, kind.id, name).having(*strangers)
                limit = kind.most if caps.get(kind.id) is None else caps[kind.id]
                if limit is not None and parent.card:
                    card = replace(card, limits=tuple(sorted({**dict(card.limits), name.size: limit}.items())))
                found[card.name] = card
    for parent in parents:
        for each in claimed.get(parent.name, {}).values():
            if each.vgpu is not None:
                card = _card_of(found, parent, each.type_id, None)
                found[card.name] = card.having(each.vgpu)
    return tuple(found.values())


def _card_of(
    found: Mapping[str, SharedCard], parent: MdevParentSeen, type_id: str, name: VgpuName | None
) -> SharedCard:
    """The card of a type; that of a type which no parent has any more is looked for among those that are known."""
    of_mig = f"{parent.card_name} (GPU instances for {type_id})"
    if name.is_mig if name else of_mig in found:
        return found.get(of_mig, SharedCard(of_mig, name.model if name else ""))
    known = found.get(parent.card_name, SharedCard(parent.card_name, "", _mode(parent)))
    return replace(known, model=known.model or (name.model if name else ""))


def _mode(parent: MdevParentSeen) -> SizeMode:
    """Equal sizes, which is the vendor's default, where the host does not tell."""
    return SizeMode.MIXED if parent.mode == SizeMode.MIXED else SizeMode.EQUAL


def _check_apart(address: str, rules: tuple[MdevRule, ...]) -> None:
    classes = [rule.resource_class for rule in rules]
    if len(set(classes)) < len(classes):
        raise _bad(
            f"{address} is given two mdev types of one class: {' and '.join(rule.type_id for rule in rules)}",
            "Name each parent under one type, or give each of the types an mdev_class of its own.",
        )


def _check(rule: MdevRule) -> None:
    if not _TYPE.fullmatch(rule.type_id):
        raise _bad(f"'{rule.type_id}' can't be an mdev type", "Write it as `ls mdev_supported_types` shows it.")
    if rule.resource_class == VIRGL_CLASS:
        raise _bad(
            f"mdev_class of {rule.type_id} is '{VIRGL_CLASS}'", "That is the class of render nodes; choose another."
        )
    if not _CLASS.fullmatch(rule.resource_class):
        words = f"mdev_class of {rule.type_id} is '{rule.resource_class}'"
        raise _bad(words, "It is VGPU, or CUSTOM_ and capitals, digits and underscores.")
    if rule.max_instances is not None and rule.max_instances < 1:
        raise _bad(f"max_instances of {rule.type_id} is {rule.max_instances}", "It is at least 1.")


def _bad(brief: str, remedy: str) -> InvalidConfig:
    return InvalidConfig(brief, remedy=remedy, code="invalid-mdev-types")
