"""A check: a stable code, its place in the order, and a function that reads a host and gives findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from busway.doctor.change import Change
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


class Place(StrEnum):
    """Where a check makes sense."""

    HOST = "host"
    GUEST = "guest"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the whole host (`host`) or about each card (`card`); `title` is what must hold.

    `place` is where it makes sense: on a host that gives cards to guests, inside a guest that has one, or on both.
    """

    code: str
    stage: Stage
    severity: Severity
    title: str
    host: Callable[[Host], Iterator[Finding]] | None = None
    card: Callable[[Host, Card], Iterator[Finding]] | None = None
    place: Place = Place.HOST

    def found(
        self,
        brief: str,
        *,
        cause: str,
        remedy: str,
        evidence: tuple[Evidence, ...],
        card: Card | None = None,
        after: str = "",
        changes: tuple[Change, ...] = (),
        severity: Severity | None = None,
        aside: str = "",
    ) -> Finding:
        """Makes a finding of this check; `severity` only where it differs from the check's."""
        return Finding(
            code=self.code,
            stage=self.stage,
            severity=severity or self.severity,
            brief=brief,
            cause=cause,
            remedy=remedy,
            evidence=evidence,
            card=card.name if card else None,
            after=after,
            changes=changes,
            aside=aside,
        )
