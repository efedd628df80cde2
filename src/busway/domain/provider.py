"""Resource providers as Placement tells them: a tree per host, with inventories, traits and what consumers take of them.

The root of a tree is a host; its children are the devices that it can give away, one for each card, named as Nova names
them. All of it is computed: nothing of it is stored, but for traits that an operator has given to a host.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

VCPU, PCPU, MEMORY_MB, DISK_GB = "VCPU", "PCPU", "MEMORY_MB", "DISK_GB"
INSTANCE = "INSTANCE"


@dataclass(frozen=True, slots=True)
class Inventory:
    """How much a provider has of a class; `reserved` of it is given to nobody."""

    resource_class: str
    total: int
    reserved: int = 0
    allocation_ratio: float = 1.0
    min_unit: int = 1
    step_size: int = 1

    @property
    def max_unit(self) -> int:
        """The most that one consumer may take."""
        return max(1, self.total)

    @property
    def capacity(self) -> int:
        """What consumers may take together."""
        return int((self.total - self.reserved) * self.allocation_ratio)

    def takes(self, amount: int, used: int) -> bool:
        """True when a consumer can have an amount while so much is used."""
        return self.min_unit <= amount <= self.max_unit and used + amount <= self.capacity


@dataclass(frozen=True)
class ResourceProvider:
    """A host, or a device of it; `allocations` are amounts by class of each consumer, by the consumer's id.

    `generation` grows with every change of its tree.
    """

    uuid: str
    name: str
    generation: int
    root: str
    parent: str | None = None
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    aggregates: frozenset[str] = frozenset()
    allocations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @cached_property
    def used(self) -> Mapping[str, int]:
        """What consumers take together, of each class that it has."""
        total: Counter[str] = Counter(dict.fromkeys(self.inventories, 0))
        for amounts in self.allocations.values():
            total.update(amounts)
        return dict(total)

    def free(self, resource_class: str) -> int:
        """How much more of a class consumers may take; 0 for one that it does not have."""
        inventory = self.inventories.get(resource_class)
        return max(0, inventory.capacity - self.used[resource_class]) if inventory else 0

    def takes(self, resource_class: str, amount: int, more: int = 0) -> bool:
        """True when a consumer can have an amount while others are given `more` beside what is used."""
        inventory = self.inventories.get(resource_class)
        return inventory is not None and inventory.takes(amount, self.used[resource_class] + more)


@dataclass(frozen=True, slots=True)
class ProviderTree:
    """A host and its devices, the host first."""

    providers: tuple[ResourceProvider, ...]

    @property
    def root(self) -> ResourceProvider:
        """The host."""
        return self.providers[0]

    def find(self, provider_id: str) -> ResourceProvider | None:
        """The provider of that id, None where the tree has none."""
        return next((each for each in self.providers if each.uuid == provider_id), None)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who takes something: a server, with its project and user."""

    uuid: str
    project_id: str
    user_id: str
    generation: int
    type: str = INSTANCE


def card_name(host: str, address: str) -> str:
    """The name of a card's provider: the host and the address in capitals, as Nova names it."""
    return f"{host}_{address.upper()}"


def parent_name(host: str, parent: str) -> str:
    """The name of the provider of mediated devices, as Nova names it after libvirt's node device."""
    return f"{host}_pci_{parent.replace(':', '_').replace('.', '_')}" if ":" in parent else f"{host}_{parent}"


def is_uuid(text: str) -> bool:
    """True for an id in one of the forms that clients write."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def sum_amounts(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Amounts by class, of all together."""
    total: Counter[str] = Counter()
    for amounts in several:
        total.update(amounts)
    return dict(total)
