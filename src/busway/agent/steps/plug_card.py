"""PlugCard: plugs a network card into a guest that runs, and reads back that the guest has it."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.steps.define_domain import hand_over, remember
from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.hypervisor.xml import card_xml
from busway.reconciler.steps import PlugCard


def execute(step: PlugCard, tools: Tools) -> None:
    """Plugs where the card's network and its filter are in place; then the next start of the guest has it too."""
    server, mac = step.server, step.nic.mac
    tools.networks.check(server.id)
    record = tools.state.record(server.id)
    if mac in record.asked_out:  # an earlier card with this address
        left = {thing: asked for thing, asked in record.asked_out.items() if thing != mac}
        tools.state.write_record(server.id, replace(record, asked_out=left))
    seen = tools.find_domain(server.id)
    if seen is None or mac not in seen.cards:
        tools.hypervisor.plug(server.id, card_xml(server, step.nic, tools.options))
        tools.crashpoint("plug:after-plug")
        seen = tools.find_domain(server.id)
    if seen is None or mac not in seen.cards:
        raise HostError(
            f"The guest of server {server.id} does not have card {mac}",
            detail=f"libvirt plugged it in, and lists {', '.join(seen.cards) or 'no card'}." if seen else "It is gone.",
            remedy="Read the domain's log under /var/log/libvirt/qemu.",
            code="plug-failed",
        )
    hand_over(server, tools)
    remember(server, tools)
