"""What a snapshot keeps beside the tree: answers of programs, and the lines of the kernel's log that mean something."""

from __future__ import annotations

from pathlib import Path

from busway.doctor.answers import FOLDER, QUESTIONS, read_answer
from busway.doctor.why import explain_line
from busway.doctor.why.logs import SAVED, read_logs

_MOST = 2000  # lines


def gather_answers(root: Path) -> dict[str, str]:
    """The files that a snapshot gets, by their names: only what somebody answered, and no line that nobody can answer."""
    found = {f"{FOLDER}/{name}": f"{answer}\n" for name in QUESTIONS if (answer := read_answer(root, name))}
    known = [line for line in read_logs(root).lines if explain_line(line)]
    return found | ({SAVED: "".join(f"{line}\n" for line in known[-_MOST:])} if known else {})
