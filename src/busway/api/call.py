"""What a handler is given and what it gives back; handlers are plain functions that run in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

from busway.api.schema import as_bool, as_int
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.ids import ProjectId, UserId
from busway.policy import allows

NOBODY = Caller(UserId(""), "(nobody)", ProjectId(""))


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `version` is the microversion's second number (2.47 is 47), `body` the checked JSON.

    `rule` is the rule of rights that let it in.
    """

    control: Control
    request_id: str
    path: Mapping[str, str]
    query: QueryParams
    headers: Mapping[str, str]
    caller: Caller = NOBODY
    version: int = 1
    body: Any = None
    rule: str = ""
    address: str = ""
    # What the rules have allowed so far: an answer asks the same ones for each of its rows.
    _allowed: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def may(self, rule: str) -> bool:
        """True when a rule of rights lets the caller act on what is their own."""
        allowed = self._allowed.get(rule)
        if allowed is None:
            allowed = self._allowed[rule] = allows(self.caller, rule)
        return allowed

    def url(self, path: str) -> str:
        """A link under the public URL, for "/compute/v2.1/servers/…" and the like."""
        return self.control.settings.public_url.rstrip("/") + path

    def text(self, key: str) -> str | None:
        """A query value, None when absent or empty."""
        value = self.query.get(key)
        return str(value) if value else None

    def number(self, key: str) -> int | None:
        """A query value as a whole number of at least 0; raises `BadInput`."""
        value = self.query.get(key)
        return None if value is None or value == "" else as_int(value, key)

    def flag(self, key: str) -> bool:
        """A query value as a boolean; a key without a value is true, as in `?all_tenants`."""
        if key not in self.query:
            return False
        return as_bool(self.query.get(key) or "1", key)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a JSON body (None for an empty one) and headers."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Reply(status=204)
ACCEPTED = Reply(status=202)
