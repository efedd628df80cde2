"""JSON of answers: OpenStack's times, and the domain's values as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from busway.domain.address import PciAddress


def encode(body: object) -> bytes:
    """Writes an answer as JSON."""
    return msgspec.json.encode(body, enc_hook=_to_text)


def nova_time(moment: datetime) -> str:
    """A time as the compute and image APIs write it: 2026-01-31T12:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(moment: datetime) -> str:
    """A time with microseconds and no zone, as launched_at and os-instance-actions have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def keystone_time(moment: datetime) -> str:
    """A time as the identity API writes it: microseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _to_text(value: Any) -> Any:
    if isinstance(value, PciAddress):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in an answer")
