"""Answers to strangers' mistakes at a bounded pace for each address, so that who only guesses can't fill the machine.

What is slowed down is the answer: it waits as a coroutine, which takes neither a thread nor a processor. A client that waits
for its answers, as each of them does, sends no faster. Requests with a good token are never slowed down, wherever they
come from.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import Request

from busway.domain.errors import BadInput, BuswayError, NotAuthenticated

PER_SECOND = 50
AT_ONCE = 100  # so many come without a pause first
LONGEST_SECONDS = 1.0
_MOST_ADDRESSES = 4096
_IPV6_NETWORK = 64


class Pace:
    """When each address has its next answer; `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._next: OrderedDict[str, float] = OrderedDict()

    def delay(self, address: str) -> float:
        """For how many seconds one more refusal to an address waits."""
        now, owner = self._monotonic(), _owner(address)
        turn = max(self._next.get(owner, 0.0), now - AT_ONCE / PER_SECOND) + 1 / PER_SECOND
        self._next[owner] = min(turn, now + LONGEST_SECONDS)
        self._next.move_to_end(owner)
        if len(self._next) > _MOST_ADDRESSES:
            self._next.popitem(last=False)
        return max(0.0, min(turn - now, LONGEST_SECONDS))


def is_strangers_mistake(request: Request, error: BuswayError) -> bool:
    """Whether a refusal is to an unknown client: one with an invalid token, or without a token."""
    return isinstance(error, NotAuthenticated) or (
        isinstance(error, BadInput) and "x-auth-token" not in request.headers and "authorization" not in request.headers
    )


def _owner(address: str) -> str:
    """An IPv4 address, or the network of 64 bits that an IPv6 site has as a whole."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
    return str(found)
