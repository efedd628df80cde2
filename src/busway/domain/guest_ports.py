"""The guest's root ports: which one a new claim gets, for the life of the claim."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def assign_ports(cards: Iterable[str], known: Mapping[str, int], taken: Collection[int] = ()) -> tuple[int, ...]:
    """A port for each card: that of `known` where it has one, else the lowest that is neither there nor `taken`.

    Functions of one card have the same name for it, and so one port.
    """
    ports = dict(known)
    busy = {*ports.values(), *taken}
    found = []
    for card in cards:
        if card not in ports:
            ports[card] = next(port for port in range(1, len(busy) + 2) if port not in busy)
            busy.add(ports[card])
        found.append(ports[card])
    return tuple(found)
