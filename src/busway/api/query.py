"""Queries of requests that change something: what they say is done or refused.

A GET may say more than its operation reads, as upstream: clients repeat the filters of a list when they ask for one thing by
its id, and that changes nothing in what the thing is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from busway.domain.errors import BadInput


def check_query(method: str, path: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raises `BadInput` for a parameter that an operation does not know."""
    for name in given:
        if name not in known:
            raise BadInput(
                f"{method} {path} has no parameter {name[:80]}",
                detail=f"It has {', '.join(sorted(known)) or 'none'}. What the parameter asks for would not be done.",
                remedy="Leave it out.",
                code="query-unexpected",
            )
