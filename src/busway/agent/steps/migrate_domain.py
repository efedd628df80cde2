"""MigrateDomain: sends a guest that runs to another host.

The order of its end is what keeps the guest from running twice. libvirt leaves it standing still on the target, and ends it here. Then
this host writes down that the guest is not its own any more. Only then it tells the target to let it run.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from busway.agent.image_format import backing_file, read_size
from busway.agent.live.dialer import Target, leading_to
from busway.agent.live.protocol import Channel
from busway.agent.tools import Tools
from busway.domain.connection import Connection
from busway.domain.documents import DesiredServer
from busway.domain.errors import BuswayError, HostError
from busway.domain.live_move import LiveOrder, LiveProgress
from busway.hypervisor.live import LiveWay
from busway.hypervisor.xml import domain_name
from busway.reconciler.steps import MigrateDomain

if TYPE_CHECKING:
    from busway.hypervisor.seam import DomainSeen

_log = structlog.get_logger("busway.agent")


def execute(step: MigrateDomain, tools: Tools) -> str:
    """Sends the guest, hands it over and tells how long it stood still; one that has left is only handed over."""
    server, order = step.server, step.server.live
    assert order is not None
    seen = tools.find_domain(server.id)
    if seen is not None and seen.left:
        _write_down(server, order, LiveProgress(), tools)
        return "its guest had left already; its new host lets it run when the control plane says so"
    if seen is None or not seen.is_active:
        raise _is_off(server)
    target = Target(order)
    try:
        progress = _send(server, order, target, tools)
        ended = time.monotonic()
        tools.crashpoint("migrate:before-record")
        _write_down(server, order, replace(progress, downtime_ms=0), tools)  # it is not over yet
        tools.crashpoint("migrate:after-record")
        return _let_go(server, order, target, progress, ended, tools)
    finally:
        tools.live.forget(server.id)
        target.close()


def _send(server: DesiredServer, order: LiveOrder, target: Target, tools: Tools) -> LiveProgress:
    """Copies the guest; when it returns, the guest is whole on the target and off here."""
    offer = tools.hypervisor.describe_live(server.id)
    disk = tools.state.files(server.id, server.disks[-1]).disk
    based = backing_file(disk) == str(tools.state.image(server.image.sha256))
    whole = len(server.disks) > 1 or server.ephemeral_image is not None or not based
    answer = target.prepare(
        definition=offer.xml,
        cpu=offer.cpu,
        version=offer.version,
        virt_type=offer.virt_type,
        whole=whole,
        size=read_size(disk),
    )
    owner = tools.hypervisor.guest_owner()
    tools.live.make_folder(owner)
    name = domain_name(server.id)
    sockets = tools.live.sockets(name, tools.live.options.folder / f"driver.{name}")
    disks_there = answer.get("disks")
    disks = tuple(map(str, disks_there)) if isinstance(disks_there, list) else ()
    way = LiveWay(
        str(answer.get("definition", "")),
        sockets[Channel.DRIVER],
        sockets[Channel.MEMORY],
        sockets[Channel.STORAGE],
        disks,
        whole,
    )

    def watch(progress: LiveProgress) -> bool:
        tools.live.note(server.id, order.move, progress)
        tools.check_cancelled()
        return tools.live.is_forced(order.move)

    watch(LiveProgress())
    record = tools.state.record(server.id)
    tools.state.write_record(server.id, replace(record, sending=order.move, handed="", progress=LiveProgress()))
    with leading_to(order, sockets, owner):
        tools.crashpoint("migrate:before-copy")
        try:
            progress: LiveProgress = tools.hypervisor.hand_over(server.id, way, watch)
            return progress
        except BuswayError:
            if _has_left(server, tools):  # its answer was lost, or it was too late to stop it
                return LiveProgress()
            raise


def _has_left(server: DesiredServer, tools: Tools) -> bool:
    """True for a guest that is the target's in spite of an error; any other continues here."""
    seen: DomainSeen | None = tools.find_domain(server.id)
    if seen is not None and seen.is_active and (seen.arriving or seen.paused) and server.hold is None:
        tools.hypervisor.unpause(server.id)
    return seen is not None and seen.left


def _write_down(server: DesiredServer, order: LiveOrder, progress: LiveProgress, tools: Tools) -> None:
    """From here on the guest is the target's, and this host starts it no more."""
    record = tools.state.record(server.id)
    tools.state.write_record(server.id, replace(record, handed=order.move, progress=progress))


def _let_go(
    server: DesiredServer, order: LiveOrder, target: Target, progress: LiveProgress, ended: float, tools: Tools
) -> str:
    """Tells the target to let the guest run; if it can't be told, the control plane tells it later.

    The conversation was silent while the guest was copied, and may have been cut by what is between the hosts: it is begun again then.
    """
    known = _connections(server, tools)
    try:
        try:
            target.go(known)
        except HostError:
            again = Target(order)
            try:
                again.go(known)
            finally:
                again.close()
    except HostError as error:
        return f"the target does not know yet that its guest may run, and hears it from the control plane: {error}"
    tools.crashpoint("migrate:after-go")
    if not progress.elapsed_ms:
        return "its guest runs on its new host"
    downtime = progress.downtime_ms + round((time.monotonic() - ended) * 1000)
    _write_down(server, order, replace(progress, downtime_ms=downtime), tools)
    return f"its guest stood still for {downtime} ms"


def _connections(server: DesiredServer, tools: Tools) -> tuple[Connection, ...]:
    """The guest stands still: where they can't be read it continues without them."""
    try:
        return tools.networks.connections(server.plugged)
    except HostError as error:
        _log.warning("a guest goes to its new host without its connections", server=server.id, why=str(error))
        return ()


def _is_off(server: DesiredServer) -> HostError:
    return HostError(
        f"The guest of server {server.id} does not run any more",
        detail="It has powered itself off meanwhile.",
        remedy="Start the server, or migrate it cold: openstack server migrate ID",
        code="live-off",
    )
