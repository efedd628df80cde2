"""A host on paper: what each step does to a `LocalState`, with no files and no kernel.

For tests that must try thousands of plans. It refuses what a real host refuses: a device for a second server.
"""

from __future__ import annotations

from dataclasses import replace

from busway.domain.documents import HeldDevice
from busway.domain.server import PowerState
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


def carry_out(step: Step, local: LocalState) -> LocalState:
    """Gives the state after a step; raises `AssertionError` for one that no host should be asked to do."""
    here = local.server(step.server_id)
    match step:
        case FetchImage():
            return replace(local, images=local.images | {step.server.image.sha256})
        case BindVfio():
            return _bind(step, local)
        case ReleaseVfio():
            assert not here.running or step.device.address not in here.domain_devices, "released under a running guest"
            held = tuple(device for device in local.held if device.address != step.device.address)
            return replace(local, held=held, on_vfio=local.on_vfio - {step.device.address})
        case RemoveFiles():
            assert here.power is None, "the files of a defined domain were removed"
            return replace(local, servers=tuple(server for server in local.servers if server.id != step.server_id))
        case _:
            return _put(_change(step, here, local), local)


def _change(step: Step, here: LocalServer, local: LocalState) -> LocalServer:
    match step:
        case MakeDisk():
            assert step.server.image.sha256 in local.images, "a disk was made before its image was here"
            below = step.server.disks[: step.server.disks.index(step.number)]
            assert set(below) <= here.disks, "a layer was made before the one below it"
            return replace(here, files=True, disks=here.disks | {step.number})
        case RemoveDisk():
            assert step.number != here.disk, "a disk was removed that the domain names"
            return replace(here, disks=here.disks - {step.number})
        case UploadDisk():
            assert not here.running, "the disk of a running guest was read"
            return replace(here, uploaded=step.server.upload or "")
        case MakeConfigDrive():
            return replace(here, files=True, config_drive=config_digest(step.server.config_drive))
        case DefineDomain():
            return _define(step, here)
        case StartDomain():
            mine = {held.address for held in local.held_for(here.id)} & local.on_vfio
            assert here.power is PowerState.SHUTOFF, "started while not defined and off"
            assert here.disk in here.disks, "started without a disk"
            assert set(here.domain_devices) <= mine, "started with a device that is not its own"
            return replace(here, power=PowerState.RUNNING, stop_asked=False, stop_overdue=False)
        case RecordCounters():
            return replace(here, files=True, starts=step.starts, reboots=step.reboots)
        case StopDomain():
            return replace(here, power=PowerState.SHUTOFF, stop_asked=True)
        case DestroyDomain():
            return replace(here, power=PowerState.SHUTOFF)
        case UndefineDomain():
            assert not here.running, "undefined while running"
            return replace(here, power=None, domain_devices=())
        case RebootDomain():
            assert here.running, "rebooted while off"
            return here
    raise AssertionError(f"unknown step {step}")


def _define(step: DefineDomain, here: LocalServer) -> LocalServer:
    assert not here.running, "redefined while running"
    return replace(
        here,
        power=here.power or PowerState.SHUTOFF,
        domain_devices=tuple(device.address for device in step.server.devices),
        disk=step.server.disks[-1],
        definition=definition_digest(step.server),
    )


def _bind(step: BindVfio, local: LocalState) -> LocalState:
    address = step.device.address
    others = [held for held in local.held if held.address == address and held.server_id != step.server_id]
    assert not others, f"{address} was bound for a second server"
    kept = tuple(held for held in local.held if held.address != address)
    held = (*kept, HeldDevice(address, step.server_id, "nouveau"))
    return replace(local, held=held, on_vfio=local.on_vfio | {address})


def _put(server: LocalServer, local: LocalState) -> LocalState:
    others = tuple(other for other in local.servers if other.id != server.id)
    return replace(local, servers=tuple(sorted((*others, server), key=lambda s: s.id)))
