"""Teardown: removes everything of the server from the host."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.ids import ServerId
from busway.reconciler.local import LocalState
from busway.reconciler.steps import DestroyDomain, GiveBackDevice, RemoveFiles, Step, UndefineDomain


def tear_down(local: LocalState, server_id: ServerId) -> Iterator[Step]:
    """Ends the guest, undefines its domain, gives its devices back in reverse order and removes its files."""
    here = local.server(server_id)
    if here.running:
        yield DestroyDomain(server_id, "the server is to go and its guest runs")
    if here.power is not None:
        yield UndefineDomain(server_id, "the server is to go")
    backwards = reversed(local.held_for(server_id))
    for held in sorted(backwards, key=lambda held: held.unit.is_attached):  # what joins others goes before them
        yield GiveBackDevice(server_id, f"{held.unit.name} is held for a server that is to go", held)
    if here.files:
        yield RemoveFiles(server_id, "the server is to go")
