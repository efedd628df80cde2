"""The plan of one round: the steps that bring this host from its observed to its desired state.

Teardowns come first and free devices for the others. A server in neither list of the Desired document is left alone. A
guest that powered itself off stays off until `starts` grows; one whose memory is saved continues from there. A device is never taken for a second server: that one
waits. Planning twice gives the same plan, and after a plan was carried out the next one is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from busway.domain.documents import Desired, DesiredServer
from busway.domain.ids import ServerId, UnitName
from busway.domain.live_move import LiveRole
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.phases.definition import define
from busway.reconciler.phases.device import give_back_devices, take_devices
from busway.reconciler.phases.disk import (
    make_disks,
    make_rescue_disk,
    remove_disks,
    upload_disk,
    upload_kept_disk,
    upload_running_disk,
)
from busway.reconciler.phases.live import give_away, receive
from busway.reconciler.phases.plug import change_cards, change_devices
from busway.reconciler.phases.power import (
    change_running,
    change_system,
    forget_saved,
    go_on,
    is_kept,
    leave_old_disk,
    start,
)
from busway.reconciler.phases.teardown import tear_down
from busway.reconciler.steps import Step
from busway.reconciler.waits import device_owners, wait_of

Phase = Callable[[DesiredServer, LocalServer, LocalState], Iterator[Step]]

RUNNING: tuple[Phase, ...] = (change_cards, change_devices, change_running, upload_running_disk)
RUNNING_ON_OLD_DISK: tuple[Phase, ...] = (leave_old_disk,)
RUNNING_ANOTHER_SYSTEM: tuple[Phase, ...] = (make_rescue_disk, change_system)
ARRIVING: tuple[Phase, ...] = (take_devices, receive)
LEAVING: tuple[Phase, ...] = (give_away,)
SAVED: tuple[Phase, ...] = (go_on, upload_kept_disk)
OFF: tuple[Phase, ...] = (
    forget_saved,
    make_disks,
    take_devices,
    define,
    give_back_devices,
    remove_disks,
    start,
    upload_disk,
)


def plan(desired: Desired, local: LocalState) -> list[Step]:
    """Lists the steps from what is here to what is desired, in the order of their execution."""
    steps: list[Step] = []
    for server_id in desired.absent:
        steps += tear_down(local, server_id)
    owners = device_owners(local)
    taken: set[ServerId] = set()
    for server in desired.servers:
        if server.id in desired.absent or server.id in taken:
            continue
        taken.add(server.id)
        if wait_of(server, owners, local) is None:
            here = local.server(server.id)
            wanted = _without_taken(server, here, owners)
            for grant in wanted.devices:  # in a broken document two servers may name one device: the first has it
                owners[grant.unit.name] = owners.get(grant.unit.name, frozenset()) | {server.id}
            for phase in _phases(wanted, here):
                steps += phase(wanted, here, local)
    return steps


def _without_taken(
    server: DesiredServer, here: LocalServer, owners: Mapping[UnitName, frozenset[ServerId]]
) -> DesiredServer:
    """A guest that runs continues without a device that another server still has; it is plugged in when that one has let go."""
    if not here.running:
        return server
    free = tuple(
        grant
        for grant in server.devices
        if grant.unit.name in here.attached_names or not owners.get(grant.unit.name, frozenset()) - {server.id}
    )
    return replace(server, devices=free)


def _phases(server: DesiredServer, here: LocalServer) -> tuple[Phase, ...]:
    if server.live is not None and server.live.role is LiveRole.INCOMING:
        return ARRIVING
    if here.handed:
        return ()  # its guest is another host's
    if server.live is not None and (here.running or here.left):
        return LEAVING
    if not here.running:
        return SAVED if is_kept(server, here) else OFF
    if here.disk != server.disks[-1]:
        return RUNNING_ON_OLD_DISK
    return RUNNING if here.rescue == server.rescue_disk or not server.powered else RUNNING_ANOTHER_SYSTEM
