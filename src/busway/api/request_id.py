"""The id that a caller gives its request, beside Busway's own: services that call each other send one id along."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

INBOUND = "x-openstack-request-id"
_FORM = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_request_id(text: str) -> bool:
    """True for an id in the form of oslo.middleware, which nothing else can be hidden in."""
    return _FORM.fullmatch(text) is not None


def global_request_id(scope: Mapping[str, Any]) -> str:
    """The id that the caller of an ASGI scope has given its request, "" for none."""
    for name, value in scope["headers"]:
        if name == INBOUND.encode():
            text = value.decode("latin-1")
            return text if is_request_id(text) else ""
    return ""
