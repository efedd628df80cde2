"""Puts the answers of a log together: lines that one fault has caused are one story, its root cause first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from busway.doctor.why.answer import Answer, explain_line

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """One fault: the answer to its root cause, and those to lines that came of it."""

    root: Answer
    others: tuple[Answer, ...] = ()

    @property
    def is_note(self) -> bool:
        """True when all of it is harmless."""
        return self.root.symptom.is_note and all(one.symptom.is_note for one in self.others)


def explain(lines: Iterable[str]) -> tuple[Story, ...]:
    """Answers every line that is known: lines with the same answer count as one, and what is only a note comes last."""
    answers = _answers(lines)
    causes = {id(one): _cause(one, answers) for one in answers}
    roots: dict[int, tuple[Answer, list[Answer]]] = {}
    for one in answers:
        root = _root(one, causes)
        roots.setdefault(id(root), (root, []))
        if root is not one:
            roots[id(root)][1].append(one)
    stories = [Story(root, tuple(others)) for root, others in roots.values()]
    return tuple(sorted(stories, key=lambda story: story.is_note))


def _answers(lines: Iterable[str]) -> list[Answer]:
    found: dict[_Key, Answer] = {}
    for number, line in enumerate(lines, 1):
        answer = explain_line(line, number)
        if answer:
            key = answer.symptom.name, answer.means, answer.slot
            found[key] = replace(found[key], count=found[key].count + 1) if key in found else answer
    return list(found.values())


def _cause(answer: Answer, answers: list[Answer]) -> Answer | None:
    """The answer that explains this one best: of the same device if both name one, in the order of `follows`."""
    for name in answer.symptom.follows:
        fits = [one for one in answers if one.symptom.name == name and _same_device(one, answer)]
        if fits:
            return min(fits, key=lambda one: (one.slot != answer.slot, abs(one.number - answer.number)))
    return None


def _same_device(one: Answer, other: Answer) -> bool:
    return not one.slot or not other.slot or one.slot == other.slot


def _root(answer: Answer, causes: dict[int, Answer | None]) -> Answer:
    seen = {id(answer)}
    cause = causes[id(answer)]
    while cause is not None and id(cause) not in seen:
        answer = cause
        seen.add(id(answer))
        cause = causes[id(answer)]
    return answer
