"""`If-Match: revision_number=N`, as Neutron's extension revision-if-match has it: a change of what is still as it was read."""

from __future__ import annotations

import re

from busway.domain.errors import BadInput
from busway.store.network_revisions import REVISED, has_revision
from busway.store.precondition import Precondition

_PATH = re.compile(r"/network/v2\.0/([a-z-]+)/([^/]+)(/.*)?")
_CHANGES = frozenset({"PUT", "DELETE"})
_NUMBER = re.compile(r'"?revision_number=([0-9]{1,9})"?')


def condition(method: str, path: str, value: str | None) -> Precondition | None:
    """The condition that a request's If-Match asks for; None where it asks for none, or for none of a revision.

    Raises `BadInput` for a revision that is no number, and for several of them.
    """
    found = _PATH.fullmatch(path)
    if value is None or "revision_number=" not in value or method not in _CHANGES:
        return None
    if found is None or found[1] not in REVISED:
        return None
    number = _NUMBER.fullmatch(value.strip())
    if number is None:
        raise BadInput(
            f"If-Match names no revision: {value[:80]}",
            remedy="Write it as If-Match: revision_number=3, with one number.",
            code="revision-number",
        )
    return has_revision(found[1], found[2], int(number[1]))
