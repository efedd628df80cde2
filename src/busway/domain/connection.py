"""A connection that a host's packet filter knows, as it goes along with its guest to another host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

TCP, UDP = 6, 17
ESTABLISHED, LAST_ACK = 3, 6  # the kernel's states of TCP in which data or the end of a connection is awaited
MOST = 4096  # connections of one guest that go along
_DAYS_5 = 432_000


@dataclass(frozen=True, slots=True)
class Connection:
    """Who opened it (`source`) and to whom (`target`), with their ports.

    `seconds` is for how long it is remembered without a packet. `state` and `scales` (the two window scales) are TCP's, in the kernel's
    numbers. `answered` says that packets went both ways.
    """

    protocol: int
    source: str
    source_port: int
    target: str
    target_port: int
    seconds: int
    state: int = 0
    scales: tuple[int, int] = (0, 0)
    answered: bool = True

    @property
    def goes_along(self) -> bool:
        """False for one that is about to begin or has ended."""
        if self.protocol == TCP:
            return ESTABLISHED <= self.state <= LAST_ACK
        return self.protocol == UDP and self.answered


def to_words(connections: Iterable[Connection]) -> list[list[object]]:
    """Connections as the agents tell each other."""
    return [
        [
            each.protocol,
            each.source,
            each.source_port,
            each.target,
            each.target_port,
            each.seconds,
            each.state,
            *each.scales,
        ]
        for each in connections
    ]


def from_words(words: object) -> tuple[Connection, ...]:
    """What another agent told; what is no connection that goes along is left out."""
    rows = words if isinstance(words, list) else []
    found = (_read(each) for each in rows[:MOST])
    return tuple(each for each in found if each is not None and each.goes_along)


def _read(words: object) -> Connection | None:
    match words:
        case [
            int(protocol), str(source), int(source_port), str(target), int(target_port),
            int(seconds), int(state), int(one), int(other),
        ]:  # fmt: skip
            scales = one, other
        case _:
            return None
    if not all(0 < port < 1 << 16 for port in (source_port, target_port)) or not all(
        0 <= each <= 14 for each in scales
    ):
        return None
    try:
        if ip_address(source).version != ip_address(target).version:
            return None
    except ValueError:
        return None
    lasts = min(max(seconds, 1), _DAYS_5)
    return Connection(protocol, source, source_port, target, target_port, lasts, state, scales)
