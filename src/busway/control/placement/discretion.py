"""Hides from tenants the names of hosts and the addresses of other tenants' devices."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_ADDRESS = re.compile(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b", re.IGNORECASE)


class Discretion:
    """Takes hosts' names and strangers' PCI addresses out of texts; `own` addresses stay."""

    def __init__(self, hosts: Iterable[str], own: Collection[str] = ()) -> None:
        names = sorted((re.escape(name) for name in hosts if name), key=len, reverse=True)
        # A name ends where no letter, digit, dot with more behind it, or dash follows.
        self._hosts = re.compile(rf"(?<![\w.-])(?:{'|'.join(names)})(?![\w-]|\.\w)") if names else None
        self._own = frozenset(own)

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._hosts is not None:
            text = self._hosts.sub("a host", text)
        return _ADDRESS.sub(lambda found: found[0] if found[0] in self._own else "a device", text)
