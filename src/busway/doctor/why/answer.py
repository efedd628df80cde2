"""Answers one line from the dictionary: the entry whose emitter can have written it and whose words it has."""

from __future__ import annotations

from dataclasses import dataclass

from busway.doctor.why.entries import Spelling, Symptom, symptoms
from busway.doctor.why.line import Line, read_line, slot_of
from busway.doctor.why.parts import read_parts

_UNNAMED = {
    "group": "of the device", "bar": "of the device", "ms": "some", "method": "its reset", "state": "sleep",
    "address": "the device", "driver": "its driver", "errno_words": "an error", "place": "some memory of the guest",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that was understood: what it means and what to do; `count` lines say the same, `number` is the first.

    `slot` is the device that the line names, as 0000:01:00; `spelling` the versions that write it so.
    """

    symptom: Symptom
    line: str
    number: int
    means: str
    do: str
    slot: str = ""
    spelling: str = ""
    count: int = 1


def explain_line(text: str, number: int = 1) -> Answer | None:
    """Answers one line; None when it is unknown."""
    line = read_line(text)
    if not line.body:
        return None
    for symptom in symptoms():
        if symptom.emitter.can_have_written(line):
            for spelling in symptom.spellings:
                answer = _answer(symptom, spelling, line, number)
                if answer:
                    return answer
    return None


def _answer(symptom: Symptom, spelling: Spelling, line: Line, number: int) -> Answer | None:
    match = spelling.pattern.search(line.body)
    if match is None:
        return None
    parts = read_parts({name: value for name, value in match.groupdict().items() if value})
    if any(parts.get(name, "") not in values for name, values in symptom.where.items()):
        return None
    words = _Words(_UNNAMED | parts)
    slot = slot_of(parts["address"]) if ":" in parts.get("address", "") else line.slot
    means, do = symptom.means.format_map(words), symptom.do.format_map(words)
    return Answer(symptom, line.text, number, means, do, slot, spelling.of)


class _Words(dict[str, str]):
    """What a pattern has caught; a name that it did not catch becomes "it"."""

    def __missing__(self, key: str) -> str:
        return "it"
