"""ReceiveDomain: awaits a guest that runs on another host; what it needs here is made when its source says what it is."""

from __future__ import annotations

from dataclasses import replace

import structlog

from busway.agent.live.listener import Guest
from busway.agent.steps import make_disk
from busway.agent.steps.plug_device import check_room
from busway.agent.tools import Tools
from busway.domain.connection import Connection
from busway.domain.disk_role import DiskRole, size_mb, wanted_numbers
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.server import PowerState
from busway.hardware.durable import remove_durably
from busway.hypervisor.live import LiveDefinition
from busway.hypervisor.xml import domain_name, domain_xml
from busway.hypervisor.xml.live import arriving_xml, disks_to_copy
from busway.reconciler.steps import MakeDisk, ReceiveDomain

_log = structlog.get_logger("busway.agent")
_GB, _MB = 1 << 30, 1 << 20


def execute(step: ReceiveDomain, tools: Tools) -> None:
    """Listens for the source, once the guest's networks and their filter are in place.

    The guest arrives without devices. Those that it is to get here are taken, and have room in it.

    The record says what the guest will have been started with: so nothing is asked of it once it is here, and its next start
    defines it again.
    """
    server = step.server
    assert server.live is not None
    for grant in server.devices:
        check_room(grant.unit, server, tools)
    tools.networks.check(server.id)
    record = tools.state.record(server.id)
    coming = replace(
        record,
        disk=server.disks[-1],
        definition="",
        starts=server.starts,
        reboots=server.reboots,
        rescue=0,
        handed="",
        awaited=server.live.move,
    )
    tools.state.write_record(server.id, coming)
    tools.live.make_folder(tools.hypervisor.guest_owner())
    sockets = tools.live.sockets(domain_name(server.id), tools.hypervisor.driver_socket())
    tools.live.expect(
        Guest(
            server.id,
            server.live,
            sockets,
            lambda asked: _prepare(server, asked, tools),
            lambda known: _go(server, known, tools),
        )
    )


def _prepare(server: DesiredServer, asked: dict[str, object], tools: Tools) -> dict[str, object]:
    """Checks what is to come, and makes its disks again: an earlier try may have left some of its content in them."""
    wanted = LiveDefinition(
        str(asked.get("definition", "")),
        str(asked.get("cpu", "")),
        _number(asked.get("version")),
        str(asked.get("virt_type", "")),
    )
    if wanted.virt_type != tools.options.virt_type:
        raise HostError(
            f"The guest runs with {wanted.virt_type}, and guests of this host run with {tools.options.virt_type}",
            remedy="Choose another host, or migrate it cold: openstack server migrate ID",
            code="live-virt-type",
        )
    tools.hypervisor.check_cpu(wanted)
    disk = server.disks[-1]
    own_xml = domain_xml(replace(server, devices=()), tools.state.files(server.id, disk), tools.options)
    xml = arriving_xml(wanted.xml, own_xml)
    tools.hypervisor.destroy(server.id)
    tools.hypervisor.undefine(server.id)
    _make_disks(server, _number(asked.get("size")) if asked.get("whole") else 0, tools)
    tools.crashpoint("receive:prepared")
    return {"definition": xml, "disks": disks_to_copy(xml)}


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _make_disks(server: DesiredServer, whole: int, tools: Tools) -> None:
    """The root disk is an overlay on the image like the source's, or of `whole` bytes and empty; the others are empty."""
    files = tools.state.files(server.id, server.disks[-1])
    tools.state.make_folder(server.id)
    remove_durably(files.disk)
    if whole:
        if server.disk_gb and whole > server.disk_gb * _GB:
            raise HostError(
                "The disk that is to arrive is larger than the flavor's",
                detail=f"It has {whole} bytes, the flavor gives {server.disk_gb * _GB}.",
                remedy="Migrate it cold: openstack server migrate ID",
                code="live-definition",
            )
        tools.disks.empty(files.disk, whole)
    else:
        make_disk.execute(MakeDisk(server.id, "its content is to arrive", server, server.disks[-1]), tools)
    for role in DiskRole:
        if wanted_numbers(server, role):
            remove_durably(files.disk_of(role))
            tools.disks.empty(files.disk_of(role), size_mb(server, role) * _MB)


def _go(server: DesiredServer, known: tuple[Connection, ...], tools: Tools) -> None:
    """Lets a guest that is whole run, and pauses it again if its user has paused it; one that runs already may be told twice.

    QEMU takes a guest's disks over when it first runs. One that never ran here would end with an assertion
    (`bdrv_inactivate_recurse`, seen with QEMU 7.2) when it is sent on.
    """
    seen = tools.find_domain(server.id)
    if seen is None or not seen.is_active or seen.arriving:
        raise HostError(
            f"The guest of server {server.id} has not arrived",
            detail=f"Its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu of both hosts.",
            code="live-refused",
        )
    tools.crashpoint("receive:before-go")
    tools.state.write_record(server.id, replace(tools.state.record(server.id), awaited=""))
    try:
        tools.networks.take_connections(server.plugged, known)
    except HostError as error:  # a guest that stands still would lose them too
        _log.warning("the connections of a guest that has arrived are not known here", server=server.id, why=str(error))
    if seen.power is PowerState.PAUSED:
        tools.hypervisor.unpause(server.id)
        if server.hold is not None:
            tools.hypervisor.pause(server.id)
    tools.crashpoint("receive:after-go")
