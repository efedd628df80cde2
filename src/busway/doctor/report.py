"""The answer of the doctor: findings in order, one verdict for each card, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from busway.doctor.finding import Finding, Severity
from busway.hardware import Card


@dataclass(frozen=True, slots=True)
class Verdict:
    """One card: `words` is "ready", "ready after ..." or "cannot, because ...", or why it is set aside on purpose.

    A card is set aside when others go out in its place (its virtual functions), or beside it (a vGPU function without type).
    """

    card: str
    description: str
    words: str
    is_aside: bool = False

    @property
    def is_ready(self) -> bool:
        """True when nothing is left to do."""
        return self.words == "ready"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found on one host; `not_read` are files that only root may read."""

    system: str
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    not_read: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """True when every card that is not set aside is ready and nothing blocks the host, which counts without a card too."""
        blocked = any(one.severity is Severity.BLOCKS and one.card is None for one in self.findings)
        wanted = [verdict for verdict in self.verdicts if not verdict.is_aside]
        return not blocked and all(verdict.is_ready for verdict in wanted) and bool(wanted or not self.verdicts)

    def as_json(self) -> dict[str, object]:
        """The report for programs."""
        return {
            "system": self.system,
            "findings": [_finding(one) for one in self.findings],
            "cards": [
                {
                    "card": one.card,
                    "description": one.description,
                    "words": one.words,
                    "ready": one.is_ready,
                    "aside": one.is_aside,
                }
                for one in self.verdicts
            ],
            "not_read": list(self.not_read),
        }


def verdict_of(card: Card, findings: Iterable[Finding]) -> Verdict:
    """The last line about a card: what blocks it, and whether an act on this host helps."""
    blocking = [one for one in findings if one.severity is Severity.BLOCKS and one.card in (None, card.name)]
    aside = [one.aside for one in findings if one.aside and one.card == card.name]
    if aside:
        return Verdict(card.name, card.main.description, aside[0], is_aside=True)
    unfixable = [_inside(one.brief) for one in blocking if not one.after]
    if unfixable:
        words = f"cannot, because {_join(unfixable)}"
    elif blocking:
        words = f"ready after {_join(dict.fromkeys(one.after for one in blocking))}"
    else:
        words = "ready"
    return Verdict(card.name, card.main.description, words)


def _inside(sentence: str) -> str:
    """A sentence as part of another: "The kernel" becomes "the kernel", and "NVSwitches" stays."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def _join(parts: Iterable[str]) -> str:
    *first, last = list(parts)
    return f"{', '.join(first)} and {last}" if first else last


def _finding(finding: Finding) -> dict[str, object]:
    fields = asdict(finding)
    fields["changes"] = [{"kind": type(change).__name__, **asdict(change)} for change in finding.changes]
    return fields
