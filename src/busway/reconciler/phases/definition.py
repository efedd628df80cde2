"""Definition: libvirt has the domain's current definition."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.documents import DesiredServer
from busway.domain.grant import attached_names_of
from busway.reconciler.digest import definition_digest
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import DefineDomain, Step


def define(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Defines a domain that is unknown or that is not as it must be."""
    if here.power is None:
        yield DefineDomain(server.id, "libvirt does not know it", server)
    elif here.attached_names != attached_names_of(server.devices):
        yield DefineDomain(server.id, "its devices have changed", server)
    elif here.definition != definition_digest(server):
        yield DefineDomain(server.id, "its size, disk or network has changed", server)
    elif here.options and local.options and here.options != local.options:
        yield DefineDomain(server.id, "its host's options for guests have changed", server)
