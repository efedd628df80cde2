"""The use cases of tags: of networks, subnets, ports, security groups, routers, floating addresses and trunks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from busway.control.context import Control
from busway.control.networks.access import (
    missing,
    own_network,
    scope,
    visible_floating_ip,
    visible_group,
    visible_network,
    visible_port,
    visible_router,
    visible_trunk,
)
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.store import network_tags as store
from busway.store import networks
from busway.store.database import Tx
from busway.store.network_revisions import revise_resource

MAX_TAGS = 50
MAX_LENGTH = 60


class Tagged(StrEnum):
    """The kinds of resource that can have tags; the values are the words in their paths."""

    NETWORK = "networks"
    SUBNET = "subnets"
    PORT = "ports"
    GROUP = "security-groups"
    ROUTER = "routers"
    FLOATING_IP = "floatingips"
    TRUNK = "trunks"


def tags_of(control: Control, resource_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Returns the tags of these resources by id; the caller has checked access to them."""
    with control.db.read() as tx:
        return store.tags_of(tx, resource_ids)


def list_tags(control: Control, caller: Caller, kind: Tagged, resource_id: str) -> tuple[str, ...]:
    """Lists the tags of one resource; raises `NotFound`."""
    with control.db.read() as tx:
        _see(tx, caller, kind, resource_id)
        return store.tags_of(tx, [resource_id]).get(resource_id, ())


def require_tag(control: Control, caller: Caller, kind: Tagged, resource_id: str, tag: str) -> None:
    """Raises `NotFound` unless a resource has a tag."""
    if tag not in list_tags(control, caller, kind, resource_id):
        raise _no_tag(resource_id, tag)


def replace_tags(
    control: Control, caller: Caller, kind: Tagged, resource_id: str, tags: Collection[str]
) -> tuple[str, ...]:
    """Replaces all tags of a resource; returns them."""
    return _change(control, caller, kind, resource_id, lambda _held: set(tags))


def add_tags(
    control: Control, caller: Caller, kind: Tagged, resource_id: str, tags: Collection[str]
) -> tuple[str, ...]:
    """Adds tags to a resource; returns all of its tags."""
    return _change(control, caller, kind, resource_id, lambda held: held | set(tags))


def remove_tag(control: Control, caller: Caller, kind: Tagged, resource_id: str, tag: str) -> None:
    """Removes a tag from a resource; raises `NotFound` if it does not have it."""

    def without(held: set[str]) -> set[str]:
        if tag not in held:
            raise _no_tag(resource_id, tag)
        return held - {tag}

    _change(control, caller, kind, resource_id, without)


def _change(
    control: Control, caller: Caller, kind: Tagged, resource_id: str, change: Callable[[set[str]], set[str]]
) -> tuple[str, ...]:
    with control.db.write() as tx:
        _own(tx, caller, kind, resource_id)
        tags = change(set(store.tags_of(tx, [resource_id]).get(resource_id, ())))
        if len(tags) > MAX_TAGS:
            raise BadInput(f"{len(tags)} tags are too many", remedy=f"Keep at most {MAX_TAGS}.", code="network-tags")
        store.set_tags(tx, resource_id, tags)
        revise_resource(tx, kind, resource_id)
    return tuple(sorted(tags))


def _see(tx: Tx, caller: Caller, kind: Tagged, resource_id: str) -> None:
    if kind is Tagged.NETWORK:
        visible_network(tx, caller, resource_id)
    elif kind is Tagged.PORT:
        visible_port(tx, caller, resource_id)
    elif kind is Tagged.GROUP:
        visible_group(tx, caller, resource_id)
    elif kind is Tagged.ROUTER:
        visible_router(tx, caller, resource_id)
    elif kind is Tagged.FLOATING_IP:
        visible_floating_ip(tx, caller, resource_id)
    elif kind is Tagged.TRUNK:
        visible_trunk(tx, caller, resource_id)
    else:
        _network_of(tx, caller, resource_id)


def _own(tx: Tx, caller: Caller, kind: Tagged, resource_id: str) -> None:
    """Locks a resource that the caller may change, so that concurrent changes of its tags wait for each other."""
    if kind is Tagged.PORT:
        visible_port(tx, caller, resource_id, lock=True)
    elif kind is Tagged.GROUP:
        visible_group(tx, caller, resource_id, lock=True)
    elif kind is Tagged.ROUTER:
        visible_router(tx, caller, resource_id, lock=True)
    elif kind is Tagged.FLOATING_IP:
        visible_floating_ip(tx, caller, resource_id, lock=True)
    elif kind is Tagged.TRUNK:
        visible_trunk(tx, caller, resource_id, lock=True)
    else:
        network_id = resource_id if kind is Tagged.NETWORK else _network_of(tx, caller, resource_id)
        own_network(tx, caller, network_id, "change tags of")


def _network_of(tx: Tx, caller: Caller, subnet_id: str) -> str:
    for network in networks.list_networks(tx, scope(caller)):
        if any(subnet.id == subnet_id for subnet in network.subnets):
            return network.id
    raise missing("subnet", subnet_id)


def _no_tag(resource_id: str, tag: str) -> NotFound:
    return NotFound(f"Tag {tag} of {resource_id} could not be found", code="network-tag-not-found")
