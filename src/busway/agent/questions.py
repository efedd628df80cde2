"""Answers questions of the control plane about guests, each in a thread of its own."""

from __future__ import annotations

from busway.agent.guest_program import set_password
from busway.domain.errors import BuswayError
from busway.domain.grant import Fault
from busway.domain.question import DIAGNOSTICS, PASSWORD, HostAnswer, HostQuestion
from busway.hypervisor.seam import Hypervisor

_GUEST_SECONDS = 5.0
_MOST_CHARS = 1000  # characters: a part is what the guest says, as long as it likes
_ASKING = "Answer"  # stands where a fault has its step


def reply(hypervisor: Hypervisor, question: HostQuestion) -> HostAnswer:
    """What the hypervisor says; what it refuses becomes a fault of the answer."""
    try:
        if question.kind == DIAGNOSTICS:
            return HostAnswer(diagnostics=hypervisor.diagnostics(question.server_id))
        if question.kind == PASSWORD:
            set_password(hypervisor.ask_guest, question.server_id, question.user, question.secret, _GUEST_SECONDS)
            return HostAnswer()
    except BuswayError as error:
        texts = (text[:_MOST_CHARS] for text in (error.brief, error.detail, error.remedy, error.code))
        return HostAnswer(fault=Fault(_ASKING, *texts))
    return HostAnswer(
        fault=Fault(
            _ASKING,
            f"The agent does not know what '{question.kind}' asks",
            remedy="Run the same release on both sides.",
            code="question-unknown",
        )
    )
