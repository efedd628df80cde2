"""Live migration: the target prepares for the guest and waits for it; the source sends it."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.phases.disk import make_drive, make_image
from busway.reconciler.steps import MigrateDomain, ReceiveDomain, Step


def receive(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Waits for the guest unless it has arrived; whether it may run is decided elsewhere. Its devices are taken before that."""
    assert server.live is not None
    if here.running:
        return
    yield from make_image(server, here, local)
    yield from make_drive(server, here, local)
    if here.awaited != server.live.move:
        yield ReceiveDomain(server.id, "its guest is to arrive from another host", server)


def give_away(server: DesiredServer, _here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Sends the guest; if it has left already, this is only recorded."""
    yield MigrateDomain(server.id, "its guest is to continue on another host", server)
