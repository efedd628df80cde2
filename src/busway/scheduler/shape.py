"""Shapes: hosts that are equal for every choice of devices, with the same hardware and the same devices taken.

Answers are kept with the shape, so that a thousand equal hosts, or the next equal request, cost nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, Self

from busway.domain.alias import Alias
from busway.domain.placement import TOGETHER, DeviceState, NumaCell
from busway.scheduler.hardware import Hardware, Lot, TagNumbers, hardware_key


class Shape:
    """Hardware, its claimed and quarantined devices as bits, and the NUMA cells with their free resources."""

    __slots__ = ("answers", "cells", "claimed", "hardware", "only", "quarantined")

    def __init__(self, hardware: Hardware, claimed: int, quarantined: int, cells: tuple[NumaCell, ...]) -> None:
        self.hardware = hardware
        self.claimed = claimed
        self.quarantined = quarantined
        self.cells = cells
        self.only: int | None = None
        self.answers: dict[Hashable, Any] = {}

    def narrowed(self, only: int) -> Self:
        """A shape that gives only some of its devices: `only` are their places as bits."""
        made = type(self)(self.hardware, self.claimed, self.quarantined, self.cells)
        made.only = only
        return made

    def free_lots(self, alias: Alias, taken: int = 0) -> tuple[Lot, ...]:
        """The free lots of an alias; no two of them share a device. `taken` are places, as bits, that count as claimed too."""
        busy = self.claimed | taken
        found = []
        places = self.hardware.matching(alias)
        if self.only is not None:
            places = tuple(place for place in places if self.only >> place & 1)
        for place in places:
            lot = self.hardware.lots[place]
            if lot is not None and not lot.free & busy and not lot.devices & self.quarantined:
                found.append(lot)
                busy |= lot.devices
        return tuple(found)

    def count_free(self, nodes: Collection[int] | None = None) -> int:
        """How many offered devices have no owner, on the given NUMA nodes or on all."""
        return sum(
            1
            for place, state in enumerate(self.hardware.states)
            if state.offered and not self.claimed >> place & 1 and (nodes is None or state.device.numa_node in nodes)
        )


class Shapes:
    """The shapes of a snapshot, one object for each."""

    __slots__ = ("_hardware", "_shapes", "_tags")

    def __init__(self) -> None:
        self._hardware: dict[Hashable, Hardware] = {}
        self._shapes: dict[Hashable, Shape] = {}
        self._tags = TagNumbers()

    def of(self, states: tuple[DeviceState, ...], cells: tuple[NumaCell, ...]) -> Shape:
        """The shape of a host with these devices and cells."""
        key = hardware_key(states, self._tags)
        hardware = self._hardware.get(key)
        if hardware is None:
            hardware = self._hardware[key] = Hardware(states)
        return self.with_hardware(hardware, states, cells)

    def with_hardware(self, hardware: Hardware, states: tuple[DeviceState, ...], cells: tuple[NumaCell, ...]) -> Shape:
        """The shape of a host whose hardware is known."""
        claimed = quarantined = promised = 0
        for place, state in enumerate(states):
            if state.claimed_by is not None:
                claimed |= 1 << place
            if state.claimed_by == TOGETHER:
                promised |= 1 << place  # for the reasons of a refusal, which are kept with the shape
            if state.quarantined:
                quarantined |= 1 << place
        key = (hardware, claimed, quarantined, promised, cells)
        shape = self._shapes.get(key)
        if shape is None:
            # Threads share what one has made: two objects for one shape would be two shapes.
            shape = self._shapes.setdefault(key, Shape(hardware, claimed, quarantined, cells))
        return shape
