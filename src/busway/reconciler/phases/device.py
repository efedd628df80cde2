"""Devices: takes claimed units before the domain names them, and gives them back after it has stopped naming them."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.domain.grant import names_of
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import GiveBackDevice, Step, TakeDevice


def take_devices(server: DesiredServer, _here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Takes claimed units that are not held yet, or that a restart of the host has put out of the state that a guest needs.

    What joins others, as a partition of a fabric does, comes after them, and goes before they do.
    """
    held_names = {held.unit.name for held in local.held_for(server.id)}
    together = tuple(grant.unit for grant in server.devices)
    for grant in sorted(server.devices, key=lambda grant: not grant.unit.is_attached):
        name = grant.unit.name
        if name not in held_names:
            yield TakeDevice(server.id, f"{name} is claimed for it", grant, together)
        elif not local.is_ready(grant.unit):
            yield TakeDevice(server.id, f"{name} is held and not ready for a guest", grant, together)


def give_back_devices(server: DesiredServer, _here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Gives back units that are held for the server and no longer claimed by it."""
    wanted = names_of(server.devices)
    for held in sorted(local.held_for(server.id), key=lambda held: held.unit.is_attached):
        if held.unit.name not in wanted:
            yield GiveBackDevice(server.id, f"{held.unit.name} is no longer its device", held)
