"""What a check says: severity, evidence, cause, remedy, and the changes that a program may make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from busway.doctor.change import Change


class Severity(StrEnum):
    """What a finding means: the card can't be used, something will go wrong, or good to know."""

    BLOCKS = "blocks"
    WARNS = "warns"
    INFORMS = "informs"


class Stage(StrEnum):
    """The order of the questions: a later one makes no sense while an earlier one is open."""

    IOMMU = "IOMMU up"
    ISOLATION = "isolated"
    RESET = "resettable"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that was read, as it is called on that host, and what it said."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the host or a card. `card` names the card, None means the whole host.

    `remedy` is the exact act on this host. `after` is the same as a phrase, "switching on VT-d in the firmware", and ""
    when nothing that can be done on this host helps. `aside` says that the card is meant not to be given out itself.
    """

    code: str
    stage: Stage
    severity: Severity
    brief: str
    cause: str
    remedy: str
    evidence: tuple[Evidence, ...] = ()
    card: str | None = None
    after: str = ""
    changes: tuple[Change, ...] = ()
    aside: str = ""
