"""Traces of what was asked of servers: whose act continues after its request was answered."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import timedelta

from busway.control.context import Control
from busway.domain.documents import Asked
from busway.domain.ids import ServerId
from busway.store import actions
from busway.store.database import Tx
from busway.tracing.trace import Values

# A host that is started again months later does so in nobody's trace.
_FRESH = timedelta(hours=1)


def asked_of(control: Control, tx: Tx, server_ids: Collection[ServerId]) -> dict[ServerId, Asked]:
    """The young and traced requests of servers; none, and no question, where nothing is traced."""
    if not control.tracer.is_on:
        return {}
    return actions.traced(tx, server_ids, control.now() - _FRESH)


def values_of(asked: Asked, **more: str) -> Values:
    """What each span of a server's act says."""
    return {"busway.request_id": asked.request_id, "busway.server_id": asked.server_id, **more}


def record_all(
    control: Control,
    name: str,
    asked: Mapping[ServerId, Asked],
    began: int,
    facts: Mapping[ServerId, Mapping[str, str]],
) -> None:
    """Makes a span that ends now for each server of which something is told; "error" in it says why it failed."""
    for server_id, words in facts.items():
        one = asked.get(server_id)
        if one is not None:
            rest = {key: value for key, value in words.items() if key != "error"}
            control.tracer.record(
                name, one.trace, began, time.time_ns(), values_of(one, **rest), words.get("error", "")
            )
