"""The plan of one round: what to do on this host so that it comes to what is desired.

Teardowns come first and free devices for the others. A server in neither list of the Desired document is left alone. A
guest that powered itself off stays off until `starts` grows. A device is never bound for a second server: that one
waits. Planning twice gives the same plan, and after a plan was carried out the next one is empty.
"""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import Desired, DesiredServer
from busway.domain.ids import ServerId
from busway.reconciler.digest import config_digest, definition_digest
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import (
    BindVfio,
    DefineDomain,
    DestroyDomain,
    FetchImage,
    MakeConfigDrive,
    MakeDisk,
    RebootDomain,
    RecordCounters,
    ReleaseVfio,
    RemoveDisk,
    RemoveFiles,
    StartDomain,
    Step,
    StopDomain,
    UndefineDomain,
    UploadDisk,
)
from busway.reconciler.waits import device_owners, wait_of


def plan(desired: Desired, local: LocalState) -> list[Step]:
    """Lists the steps from what is here to what is desired, in the order of their execution."""
    steps: list[Step] = []
    for server_id in desired.absent:
        steps += _tear_down(local, server_id)
    owners = device_owners(local)
    taken: set[ServerId] = set()
    for server in desired.servers:
        if server.id in desired.absent or server.id in taken:
            continue
        taken.add(server.id)
        if wait_of(server, owners, local) is None:
            for device in server.devices:  # in a broken document two servers may name one device: the first has it
                owners[device.address] = owners.get(device.address, frozenset()) | {server.id}
            steps += _converge(server, local)
    return steps


def _tear_down(local: LocalState, server_id: ServerId) -> Iterator[Step]:
    here = local.server(server_id)
    if here.running:
        yield DestroyDomain(server_id, "the server is to go and its guest runs")
    if here.power is not None:
        yield UndefineDomain(server_id, "the server is to go")
    for held in reversed(local.held_for(server_id)):
        yield ReleaseVfio(server_id, f"{held.address} is held for a server that is to go", held)
    if here.files:
        yield RemoveFiles(server_id, "the server is to go")


def _converge(server: DesiredServer, local: LocalState) -> Iterator[Step]:
    here = local.server(server.id)
    if here.running and here.disk == server.disks[-1]:
        yield from _converge_running(server, here)
        return
    if here.running:
        yield DestroyDomain(server.id, f"it runs on disk {here.disk} and shall have disk {server.disks[-1]}")
        return  # the next plan sees it off, and whether it must wait for a device
    starting = server.powered and (here.starts < server.starts or _reboots_by_start(server, here))
    yield from _build(server, here, local)
    if starting:
        yield StartDomain(server.id, _why_start(server, here))
    if server.powered and (here.starts < server.starts or here.reboots < server.reboots):
        yield RecordCounters(server.id, "counters follow the act", server.starts, server.reboots)
    if server.upload is not None and not server.powered and here.uploaded != server.upload:
        yield UploadDisk(server.id, f"its disk is asked for as image {server.upload}", server)


def _converge_running(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    stopping = here.stop_asked and here.starts < server.starts  # stopped and started again before it was off
    if stopping or not server.powered:
        yield from _power_off(server, here)
        return
    if here.reboots < server.reboots and here.starts >= server.starts:
        yield RebootDomain(server.id, f"reboot {server.reboots} is asked for", server.hard_reboot)
    if here.reboots < server.reboots or here.starts < server.starts:
        yield RecordCounters(server.id, "counters follow the act", server.starts, server.reboots)


def _power_off(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    if here.stop_overdue:
        yield DestroyDomain(server.id, "the guest did not follow the ACPI shutdown in time")
    elif not here.stop_asked:
        yield StopDomain(server.id, "the server shall be off and its guest runs")


def _build(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    if server.image.sha256 not in local.images:
        yield FetchImage(server.id, f"image {server.image.id} is not in the cache", server)
    for number in server.disks:
        if number not in here.disks:
            yield MakeDisk(server.id, f"there is no root disk {number}", server, number)
    if here.config_drive != config_digest(server.config_drive):
        reason = "what the config drive shall say has changed" if here.config_drive else "there is no config drive"
        yield MakeConfigDrive(server.id, reason, server)
    yield from _bind(server, local)
    wanted = {device.address for device in server.devices}
    if here.power is None:
        yield DefineDomain(server.id, "libvirt does not know it", server)
    elif set(here.domain_devices) != wanted:
        yield DefineDomain(server.id, "its devices have changed", server)
    elif here.definition != definition_digest(server):
        yield DefineDomain(server.id, "its size, disk or network has changed", server)
    for held in local.held_for(server.id):
        if held.address not in wanted:
            yield ReleaseVfio(server.id, f"{held.address} is no longer its device", held)
    for number in sorted(here.disks - set(server.disks)):
        yield RemoveDisk(server.id, f"disk {number} is no longer its disk", number)


def _bind(server: DesiredServer, local: LocalState) -> Iterator[Step]:
    mine = {held.address for held in local.held_for(server.id)}
    together = tuple(device.address for device in server.devices)
    for device in server.devices:
        if device.address not in mine:
            yield BindVfio(server.id, f"{device.address} is claimed for it", device, together)
        elif device.managed and device.address not in local.on_vfio:
            yield BindVfio(server.id, f"{device.address} is held and not on vfio-pci", device, together)


def _reboots_by_start(server: DesiredServer, here: LocalServer) -> bool:
    """A hard reboot of a guest that is off is a start; one that was cut in its middle ends so too."""
    return server.hard_reboot and here.reboots < server.reboots


def _why_start(server: DesiredServer, here: LocalServer) -> str:
    if here.starts < server.starts:
        return f"start {server.starts} is asked for"
    return f"hard reboot {server.reboots} is asked for and the guest is off"
