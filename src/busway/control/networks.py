"""The use cases of networks: one network of the operator's configuration, and reading."""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import NotFound
from busway.domain.ids import NetworkId, ProjectId
from busway.domain.network import Network, Port
from busway.store import networks as store


def bootstrap_network(control: Control, owner: ProjectId) -> Network:
    """Creates the configured network, or gives an existing one the configured range; safe to repeat."""
    settings = control.settings
    wanted = Network(
        id=NetworkId(control.new_id()),
        subnet_id=control.new_id(),
        name=settings.network_name,
        cidr=settings.network_cidr,
        first=settings.network_first,
        last=settings.network_last,
        gateway=settings.network_gateway,
        owner=owner,
        created=control.now(),
    )
    with control.db.write() as tx:
        for known in store.list_networks(tx):
            if known.name == wanted.name:
                found = replace(
                    wanted, id=known.id, subnet_id=known.subnet_id, owner=known.owner, created=known.created
                )
                store.save_network_range(tx, found)
                return found
        store.add_network(tx, wanted)
    return wanted


def list_networks(control: Control, _caller: Caller) -> list[Network]:
    """All networks; every project may use them."""
    with control.db.read() as tx:
        return store.list_networks(tx)


def list_ports(control: Control, caller: Caller) -> list[Port]:
    """The ports in use of the caller's project; an admin sees all."""
    with control.db.read() as tx:
        return store.list_ports(tx, None if caller.is_admin else caller.project_id)


def get_port(control: Control, caller: Caller, port_id: str) -> Port:
    """One port in use; raises `NotFound`."""
    for port in list_ports(control, caller):
        if port.id == port_id:
            return port
    raise NotFound(f"Port {port_id} could not be found", code="port-not-found")
