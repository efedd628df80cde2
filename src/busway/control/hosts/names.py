"""What may be the name of a host."""

from __future__ import annotations

import re

from busway.domain.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")


def check_name(name: str) -> None:
    """Refuses what is not a host name."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"'{name}' is not a host name", remedy="Use letters, digits, dots and dashes.", code="invalid-host-name"
        )
