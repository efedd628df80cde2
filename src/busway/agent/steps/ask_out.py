"""AskOut: asks a running guest to release a card or a device; later rounds see whether it did."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.record import AskedOut
from busway.agent.steps.define_domain import hand_over, remember
from busway.agent.tools import Tools
from busway.reconciler.steps import AskOut


def execute(step: AskOut, tools: Tools) -> None:
    """Writes down when, takes it out of the definition, and asks: an agent that ends in between asks once more.

    libvirt answers as soon as the guest was asked, before the guest reacts.
    """
    server, now = step.server, tools.now()
    record = tools.state.record(server.id)
    before = record.asked_out.get(step.thing)
    asked = record.asked_out | {step.thing: AskedOut(before.first if before else now, now)}
    tools.state.write_record(server.id, replace(record, asked_out=asked))
    hand_over(server, tools)
    remember(server, tools)
    tools.crashpoint("unplug:before-ask")
    tools.hypervisor.ask_out(server.id, step.thing)
