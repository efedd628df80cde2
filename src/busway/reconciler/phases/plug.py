"""Plug: a guest that runs has the cards and devices that it must have, and is asked to let go of the others.

A guest that stands still would follow nothing before it continues: it is asked then.
"""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.domain.grant import attached_names_of, names_of
from busway.domain.server import PowerState
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import AskOut, GiveBackDevice, PlugCard, PlugDevice, Step, TakeDevice


def change_cards(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Unplugs cards that must go before it plugs in new ones, which may need their root ports."""
    if not _stays_on(server, here):
        return
    wanted = {nic.mac for nic in server.nics}
    for mac in here.cards:
        if mac not in wanted and mac not in here.asked_out:
            yield AskOut(server.id, f"card {mac} is no longer its card", server, mac)
    for nic in server.plugged:
        if nic.mac not in here.cards:
            yield PlugCard(server.id, f"its guest runs without card {nic.mac}", server, nic)


def change_devices(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Takes devices and plugs them in; gives back those that the guest has released.

    One that is held and is not ready has gone from its host or was lost by the guest: nothing plugs that in again.
    """
    for held in local.held_for(server.id):
        if held.unit.name not in names_of(server.devices) | here.attached_names:
            yield GiveBackDevice(server.id, f"{held.unit.name} is no longer its device, and its guest has let go", held)
    if not _stays_on(server, here):
        return
    for name in sorted(here.attached_names - attached_names_of(server.devices) - here.asked_out):
        yield AskOut(server.id, f"{name} is no longer its device", server, name)
    held_names = {held.unit.name for held in local.held_for(server.id)}
    for grant in server.devices:
        name = grant.unit.name
        if not grant.unit.is_attached or name in here.attached_names:
            continue
        if name not in held_names:
            yield TakeDevice(server.id, f"{name} is claimed for it", grant, (grant.unit,))
        elif not local.is_ready(grant.unit):
            continue
        yield PlugDevice(server.id, f"its guest runs without {name}", server, grant)


def _stays_on(server: DesiredServer, here: LocalServer) -> bool:
    """True for a guest that runs, is not paused and is not on its way to be off or saved."""
    leaves = not server.powered or here.stop_asked or server.hold is not None
    reboots = server.hard_reboot and here.reboots < server.reboots
    return here.power is PowerState.RUNNING and not leaves and not reboots
