"""Answers log lines: what a line means, what its parts say, what to do; and which lines are one story.

`explain(lines)` is the entry point; it reads nothing but the dictionary, which is data: one file for each emitter in
`busway/doctor/symptoms`. `busway.doctor.why.logs` reads the logs of a host.
"""

from busway.doctor.why.answer import Answer, explain_line
from busway.doctor.why.entries import Symptom, symptoms
from busway.doctor.why.story import Story, explain

__all__ = ["Answer", "Story", "Symptom", "explain", "explain_line", "symptoms"]
