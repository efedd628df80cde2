"""Answers questions of the control plane about guests and the host, each in a thread of its own."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.guest_program import set_password
from busway.domain.console import SpiceEnds
from busway.domain.errors import BuswayError, NotFound
from busway.domain.grant import Fault
from busway.domain.ids import ServerId
from busway.domain.question import DIAGNOSTICS, NMI, PASSWORD, SPICE, UPTIME, HostAnswer, HostQuestion
from busway.hypervisor.seam import Hypervisor
from busway.networking.programs import run

_GUEST_SECONDS = 5.0
_MOST_CHARS = 1000  # characters: a part is what the guest says, as long as it likes
_ASKING = "Answer"  # stands where a fault has its step


def reply(hypervisor: Hypervisor, question: HostQuestion, spice_address: str = "") -> HostAnswer:
    """What the hypervisor says; what it refuses becomes a fault of the answer.

    `spice_address` is where others reach the SPICE screens of this host, "" for where they listen.
    """
    try:
        if question.kind == DIAGNOSTICS:
            return HostAnswer(diagnostics=hypervisor.diagnostics(question.server_id))
        if question.kind == PASSWORD:
            set_password(hypervisor.ask_guest, question.server_id, question.user, question.secret, _GUEST_SECONDS)
            return HostAnswer()
        if question.kind == SPICE:
            ends = _spice(hypervisor, question.server_id)
            return HostAnswer(spice=replace(ends, host=spice_address or ends.host))
        if question.kind == NMI:
            hypervisor.inject_nmi(question.server_id)
            return HostAnswer()
        if question.kind == UPTIME:
            return HostAnswer(uptime=run("uptime").rstrip()[:_MOST_CHARS])
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


def _spice(hypervisor: Hypervisor, server_id: ServerId) -> SpiceEnds:
    found = hypervisor.spice(server_id)
    if found is None:
        raise NotFound(
            "This guest has no SPICE screen",
            detail="A guest has one if its host's agent had --spice-listen when the guest was started.",
            remedy="Ask for novnc; or start the agent with --spice-listen, then stop and start the server.",
            code="console-missing",
        )
    return found
