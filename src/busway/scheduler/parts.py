"""The parts of a host that can hold all devices of a server: the devices directly below one switch, on one node, or on one socket."""

from __future__ import annotations

from collections.abc import Hashable

from busway.domain.within import Within
from busway.scheduler.shape import Shape


def parts(shape: Shape, within: Within) -> tuple[Shape, ...]:
    """The shape, narrowed to each part; a slot whose part the host does not report is a part of its own. Kept with the shape."""
    known: tuple[Shape, ...] | None = shape.answers.get(within)
    if known is None:
        sockets = {cell.id: cell.socket for cell in shape.cells}
        places: dict[Hashable, int] = {}
        for place, state in enumerate(shape.hardware.states):
            node = state.device.numa_node
            part = _part(within, state.device.switch, node, sockets) or ("alone", *state.device.address.numbers[:3])
            places[part] = places.get(part, 0) | 1 << place
        known = shape.answers[within] = tuple(shape.narrowed(only) for only in places.values())
    return known


def _part(within: Within, switch: Hashable | None, node: int | None, sockets: dict[int, int | None]) -> Hashable | None:
    """The part of a device; a host with one node, or that reports no nodes, counts as one node and one socket."""
    if within is Within.SWITCH:
        return switch
    if node is None:
        return ("only",) if len(sockets) < 2 else None
    socket = sockets.get(node) if within is Within.SOCKET else None
    return ("node", node) if socket is None else ("socket", socket)
