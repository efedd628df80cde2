"""A host on paper: what each step does to a `LocalState`, with no files and no kernel.

For tests that must try thousands of plans. It refuses what a real host refuses: a device for a second server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from busway.domain.disk_role import DiskRole, wanted_numbers
from busway.domain.grant import Attachment, Held
from busway.domain.server import PowerState
from busway.reconciler.digest import config_digest, definition_digest
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import (
    AskOut,
    DefineDomain,
    DestroyDomain,
    FetchImage,
    ForgetSaved,
    GiveBackDevice,
    MakeConfigDrive,
    MakeDisk,
    MakeExtraDisk,
    MigrateDomain,
    PauseDomain,
    PlugCard,
    PlugDevice,
    RebootDomain,
    ReceiveDomain,
    RecordCounters,
    RemoveDisk,
    RemoveExtraDisk,
    RemoveFiles,
    SaveDomain,
    StartDomain,
    Step,
    StopDomain,
    TakeDevice,
    UndefineDomain,
    UnpauseDomain,
    UploadDisk,
)


def carry_out(step: Step, local: LocalState) -> LocalState:
    """Gives the state after a step; raises `AssertionError` for one that no host should be asked to do."""
    if type(step) in _OF_HOST:
        return _OF_HOST[type(step)](step, local)
    return _put(_OF_SERVER[type(step)](step, local.server(step.server_id), local), local)


def _fetch(step: FetchImage, local: LocalState) -> LocalState:
    return replace(local, images=local.images | {step.image.sha256})


def _take(step: TakeDevice, local: LocalState) -> LocalState:
    unit = step.grant.unit
    others = [held for held in local.held if held.unit.name == unit.name and held.server_id != step.server_id]
    assert not others, f"{unit.name} was taken for a second server"
    kept = tuple(held for held in local.held if held.unit.name != unit.name)
    held = (*kept, Held(step.server_id, unit, "nouveau", claim_id=step.grant.claim_id))
    return replace(local, held=held, ready=local.ready | {unit.name})


def _give_back(step: GiveBackDevice, local: LocalState) -> LocalState:
    name, here = step.held.unit.name, local.server(step.server_id)
    assert not here.running or name not in here.attached_names, "given back under a running guest"
    held = tuple(each for each in local.held if each.unit.name != name)
    return replace(local, held=held, ready=local.ready - {name})


def _remove_files(step: RemoveFiles, local: LocalState) -> LocalState:
    assert local.server(step.server_id).power is None, "the files of a defined domain were removed"
    return replace(local, servers=tuple(server for server in local.servers if server.id != step.server_id))


def _make_disk(step: MakeDisk, here: LocalServer, local: LocalState) -> LocalServer:
    rescue = step.server.rescue
    if rescue is not None and rescue.number == step.number:
        assert rescue.image.sha256 in local.images, "a disk was made before its image was here"
        return replace(here, files=True, disks=here.disks | {step.number})
    assert step.server.image.sha256 in local.images, "a disk was made before its image was here"
    below = step.server.disks[: step.server.disks.index(step.number)]
    assert set(below) <= here.disks, "a layer was made before the one below it"
    return replace(here, files=True, disks=here.disks | {step.number})


def _remove_disk(step: RemoveDisk, here: LocalServer, _local: LocalState) -> LocalServer:
    assert step.number not in (here.disk, here.rescue), "a disk was removed that the domain names"
    return replace(here, disks=here.disks - {step.number})


def _make_extra(step: MakeExtraDisk, here: LocalServer, local: LocalState) -> LocalServer:
    wanted, image = wanted_numbers(step.server, step.role), step.server.ephemeral_image
    if step.role is DiskRole.EPHEMERAL and image is not None and step.number == wanted[0]:
        assert image.sha256 in local.images, "a disk was made before its image was here"
    assert set(wanted[: wanted.index(step.number)]) <= here.numbers(step.role), "a layer before the one below it"
    return _with_extra(here, step.role, here.numbers(step.role) | {step.number})


def _remove_extra(step: RemoveExtraDisk, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.running, "a disk was removed under a running guest"
    return _with_extra(here, step.role, here.numbers(step.role) - {step.number})


def _with_extra(here: LocalServer, role: DiskRole, numbers: frozenset[int]) -> LocalServer:
    if role is DiskRole.SWAP:
        return replace(here, files=True, swap=numbers)
    return replace(here, files=True, ephemeral=numbers)


def _upload(step: UploadDisk, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.running or step.server.powered, "the disk of a guest that must be off was read while it runs"
    if step.ephemeral:
        return replace(here, uploaded_ephemeral=step.server.upload_ephemeral or "")
    return replace(here, uploaded=step.server.upload or "")


def _make_drive(step: MakeConfigDrive, here: LocalServer, _local: LocalState) -> LocalServer:
    return replace(here, files=True, config_drive=config_digest(step.server.config_drive))


def _define(step: DefineDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.running, "redefined while running"
    assert not here.saved, "redefined while its memory is saved"
    for role in DiskRole:
        assert set(wanted_numbers(step.server, role)) <= here.numbers(role), f"defined without its {role} disk"
    return replace(
        here,
        power=here.power or PowerState.SHUTOFF,
        attached=tuple(Attachment(grant.unit.name, grant.claim_id) for grant in step.server.devices),
        disk=step.server.disks[-1],
        rescue=step.server.rescue_disk,
        definition=definition_digest(step.server),
        cards=tuple(nic.mac for nic in step.server.plugged),
    )


def _plug_card(step: PlugCard, here: LocalServer, _local: LocalState) -> LocalServer:
    assert here.power is PowerState.RUNNING, "a card was plugged into a guest that does not run"
    assert step.nic.mac not in here.cards, "a card was plugged in twice"
    return replace(here, cards=(*here.cards, step.nic.mac), definition=definition_digest(step.server))


def _plug_device(step: PlugDevice, here: LocalServer, local: LocalState) -> LocalServer:
    name = step.grant.unit.name
    assert here.power is PowerState.RUNNING, "a device was plugged into a guest that does not run"
    assert name in {held.unit.name for held in local.held_for(here.id)} & local.ready, "it is not its own"
    assert name not in here.attached_names, "a device was plugged in twice"
    attached = (*here.attached, Attachment(name, step.grant.claim_id))
    return replace(here, attached=attached, definition=definition_digest(step.server))


def _ask_out(step: AskOut, here: LocalServer, _local: LocalState) -> LocalServer:
    """A guest on paper lets go at once."""
    assert here.power is PowerState.RUNNING, "a guest that does not run was asked to let go of something"
    attached = tuple(each for each in here.attached if each.name != step.thing)
    cards = tuple(mac for mac in here.cards if mac != step.thing)
    return replace(here, cards=cards, attached=attached, definition=definition_digest(step.server))


def _start(_step: StartDomain, here: LocalServer, local: LocalState) -> LocalServer:
    ready = {held.unit.name for held in local.held_for(here.id)} & local.ready
    assert here.power is PowerState.SHUTOFF, "started while not defined and off"
    assert {here.disk, here.rescue or here.disk} <= here.disks, "started without a disk"
    assert here.attached_names <= ready, "started with a device that is not its own"
    return replace(
        here,
        power=PowerState.RUNNING,
        paused=False,
        saved=False,
        stop_asked=False,
        stop_overdue=False,
        stop_again=False,
    )


def _record(step: RecordCounters, here: LocalServer, _local: LocalState) -> LocalServer:
    return replace(here, files=True, starts=step.starts, reboots=step.reboots)


def _stop(_step: StopDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.paused, "a paused guest was asked to power off"
    return replace(here, power=PowerState.SHUTOFF, stop_asked=True, stop_again=False)


def _destroy(_step: DestroyDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    return replace(here, power=PowerState.SHUTOFF, paused=False)


def _undefine(_step: UndefineDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.running, "undefined while running"
    return replace(here, power=None, attached=(), cards=(), saved=False)


def _reboot(step: RebootDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert here.running, "rebooted while off"
    return replace(here, power=PowerState.RUNNING, paused=False) if step.hard else here


def _pause(_step: PauseDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert here.running, "paused while off"
    return replace(here, power=PowerState.PAUSED, paused=True)


def _unpause(_step: UnpauseDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert here.running, "unpaused while off"
    return replace(here, power=PowerState.RUNNING, paused=False)


def _save(_step: SaveDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert here.running, "saved while off"
    return replace(here, power=PowerState.SHUTOFF, paused=False, saved=True)


def _receive(step: ReceiveDomain, here: LocalServer, local: LocalState) -> LocalServer:
    assert step.server.live is not None
    assert step.server.image.sha256 in local.images, "awaited before its image was here"
    assert here.config_drive == config_digest(step.server.config_drive), "awaited without its config drive"
    assert not here.running, "awaited while it runs"
    return replace(here, files=True, awaited=step.server.live.move, disk=step.server.disks[-1])


def _migrate(step: MigrateDomain, here: LocalServer, _local: LocalState) -> LocalServer:
    assert step.server.live is not None
    assert here.running or here.left, "sent while off"
    return replace(here, power=PowerState.SHUTOFF, paused=False, left=True, handed=step.server.live.move)


def _forget_saved(_step: ForgetSaved, here: LocalServer, _local: LocalState) -> LocalServer:
    assert not here.running, "the memory of a running guest was removed"
    return replace(here, saved=False)


def _put(server: LocalServer, local: LocalState) -> LocalState:
    others = tuple(other for other in local.servers if other.id != server.id)
    return replace(local, servers=tuple(sorted((*others, server), key=lambda s: s.id)))


_OF_HOST: Mapping[type[Step], Callable[[Any, LocalState], LocalState]] = {
    FetchImage: _fetch,
    TakeDevice: _take,
    GiveBackDevice: _give_back,
    RemoveFiles: _remove_files,
}
_OF_SERVER: Mapping[type[Step], Callable[[Any, LocalServer, LocalState], LocalServer]] = {
    MakeDisk: _make_disk,
    MakeExtraDisk: _make_extra,
    MakeConfigDrive: _make_drive,
    DefineDomain: _define,
    StartDomain: _start,
    RebootDomain: _reboot,
    PauseDomain: _pause,
    UnpauseDomain: _unpause,
    SaveDomain: _save,
    ReceiveDomain: _receive,
    MigrateDomain: _migrate,
    ForgetSaved: _forget_saved,
    RecordCounters: _record,
    PlugCard: _plug_card,
    PlugDevice: _plug_device,
    AskOut: _ask_out,
    StopDomain: _stop,
    DestroyDomain: _destroy,
    UndefineDomain: _undefine,
    RemoveDisk: _remove_disk,
    RemoveExtraDisk: _remove_extra,
    UploadDisk: _upload,
}
PAPER_ACTS: frozenset[type[Step]] = frozenset({*_OF_HOST, *_OF_SERVER})
