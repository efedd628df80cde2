"""DefineDomain: tells libvirt of the guest, reads back that it names the right devices, and remembers what was defined."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.grant import attached_names_of
from busway.hypervisor.xml import domain_xml
from busway.reconciler.digest import definition_digest
from busway.reconciler.steps import DefineDomain


def execute(step: DefineDomain, tools: Tools) -> None:
    """Defines the domain, or replaces its definition."""
    server = step.server
    hand_over(server, tools)
    seen = tools.find_domain(server.id)
    if seen is None or {each.name for each in seen.attached} != attached_names_of(server.devices):
        raise HostError(
            f"libvirt did not keep the definition of server {server.id}",
            detail=f"It has the devices {[each.name for each in seen.attached]}." if seen else "It has no such domain.",
            remedy="Look for another program that manages this host's domains.",
            code="definition-lost",
        )
    remember(server, tools)


def hand_over(server: DesiredServer, tools: Tools) -> None:
    """Makes the definition what it must be; a guest that runs has it from its next start on."""
    files = tools.state.files(server.id, server.disks[-1])
    if server.rescue is not None:
        files = replace(files, rescue=tools.state.files(server.id, server.rescue.number).disk)
    tools.hypervisor.define(domain_xml(server, files, tools.options))


def remember(server: DesiredServer, tools: Tools) -> None:
    """Writes down which definition libvirt has."""
    record = tools.state.record(server.id)
    defined = replace(record, disk=server.disks[-1], definition=definition_digest(server), rescue=server.rescue_disk)
    tools.state.write_record(server.id, replace(defined, options=tools.options.digest))
