"""Cards: the functions of one slot and IOMMU group, which are seen and given to servers as a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.hardware.function import Function

# What GPUs bring along in their own slot: audio, a USB controller and its UCSI (serial bus, other).
_AUDIO = "0403"
_COMPANION_CLASSES = frozenset({_AUDIO, "0c03", "0c80"})


@dataclass(frozen=True, slots=True)
class Card:
    """The functions of one slot in one group, the GPU first if there is one; a VF is a card of its own.

    `harmless` are bridges of the group, `foreign` its other members: a guest gets them as well, or nothing.
    """

    functions: tuple[Function, ...]
    harmless: tuple[Function, ...] = ()
    foreign: tuple[Function, ...] = ()

    @property
    def main(self) -> Function:
        """The function that the card is for."""
        return self.functions[0]

    @property
    def name(self) -> str:
        """How it is called: its slot (0000:41:00), and the whole address for a VF."""
        return str(self.main.address) if self.main.is_vf else self.main.address.slot_name

    @property
    def is_gpu(self) -> bool:
        """True when it has a GPU."""
        return self.main.is_gpu

    @property
    def companions(self) -> tuple[Function, ...]:
        """The functions beside the main one."""
        return self.functions[1:]

    @property
    def unusual(self) -> tuple[Function, ...]:
        """Functions in the GPU's slot that no GPU brings along, such as an APU's security processor and USB of the board."""
        return tuple(f for f in self.companions if self.is_gpu and not _belongs(f, self.main))

    @property
    def iommu_group(self) -> int | None:
        """The group of all its functions; None without an IOMMU."""
        return self.main.iommu_group

    @property
    def numa_node(self) -> int | None:
        """The NUMA node, None when unknown."""
        return self.main.numa_node


def make_cards(functions: Iterable[Function]) -> tuple[Card, ...]:
    """Makes the cards of a machine, in the order of their addresses; bridges are not cards."""
    found = list(functions)
    slots: dict[tuple[str, int | None], list[Function]] = {}
    members: dict[int, list[Function]] = {}
    for function in found:
        if function.iommu_group is not None:
            members.setdefault(function.iommu_group, []).append(function)
        if not function.is_bridge:
            slots.setdefault((_place(function), function.iommu_group), []).append(function)
    return tuple(sorted((_make(own, members) for own in slots.values()), key=_order))


def _make(own: list[Function], members: Mapping[int, list[Function]]) -> Card:
    own.sort(key=lambda function: (not function.is_gpu, function.address.numbers))
    group = own[0].iommu_group
    own_ids = {id(function) for function in own}
    others = [] if group is None else [function for function in members[group] if id(function) not in own_ids]
    return Card(
        functions=tuple(own),
        harmless=tuple(function for function in others if function.is_bridge),
        foreign=tuple(function for function in others if not function.is_bridge),
    )


def _place(function: Function) -> str:
    """A VF shares its slot with others by the arithmetic of SR-IOV, not because they are one card."""
    return str(function.address) if function.is_vf else function.address.slot_name


def _order(card: Card) -> tuple[int, int, int, int]:
    return min(function.address.numbers for function in card.functions)


def _belongs(function: Function, gpu: Function) -> bool:
    """Audio right behind the GPU is the GPU's, whoever made it; an APU has its board's audio in the slot too, further on."""
    kind = function.class_code[:4]
    if kind == _AUDIO and function.address.function == gpu.address.function + 1:
        return True
    return kind in _COMPANION_CLASSES and function.vendor_id == gpu.vendor_id


def card_of(cards: Iterable[Card], address: PciAddress) -> Card | None:
    """The card that has this function."""
    return next((card for card in cards if any(f.address == address for f in card.functions)), None)
