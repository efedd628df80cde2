"""Use cases: traits that an operator gives to hosts, and devices that an operator holds back.

A host's traits are looked at by `TraitFilter`. A held device is in quarantine: nobody gets it until it is let go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from busway.control.context import Control
from busway.control.devices.recycle import recycle_device
from busway.control.providers.read import STANDARD_TRAITS, known_traits, provider_in
from busway.control.providers.tree import held_and_free
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import HostId
from busway.domain.provider import Inventory, ResourceProvider
from busway.store import devices, events, hosts, provider_traits
from busway.store.database import Tx, take_turn
from busway.store.devices import DeviceRow
from busway.store.events import Event


def create_trait(control: Control, name: str) -> bool:
    """Names a custom trait; False where it is there already."""
    if not name.startswith("CUSTOM_") or not name.replace("_", "").isalnum() or name != name.upper() or len(name) > 255:
        raise BadInput(
            f"The trait {name[:64]} is invalid",
            detail="A trait begins with CUSTOM_ and has capital letters, digits and underscores, at most 255.",
            code="trait-name",
        )
    with control.db.write() as tx:
        return name not in known_traits(control, tx) and provider_traits.add_trait(tx, name, control.now())


def delete_trait(control: Control, name: str) -> None:
    """Forgets a custom trait; raises `Conflict` while a host or a device spec has it."""
    with control.db.write() as tx:
        if name not in known_traits(control, tx):
            raise NotFound(f"No such trait(s): {name}.", code="trait-unknown")
        if name in STANDARD_TRAITS:
            raise BadInput(f"Cannot delete standard trait {name}.", code="trait-standard")
        holding = [row.name for row in hosts.list_of(tx, provider_traits.hosts_with(tx, name))]
        of_spec = any(name in spec.tags.traits for spec in control.pci_rules(tx).device_specs.specs)
        if holding or of_spec:
            raise Conflict(
                f"The trait {name} is in use by {', '.join(holding) or 'a device spec'}.",
                remedy="Take it away there first.",
                code="trait-in-use",
            )
        provider_traits.remove_trait(tx, name)


def set_traits(
    control: Control, caller: Caller, provider_id: str, generation: int | None, names: Collection[str]
) -> ResourceProvider:
    """Gives a host these traits beside those that it has by itself; a device's come from its device spec.

    Raises `Conflict` for another generation than the one that there is, unless that is None.
    """
    with control.db.write() as tx:
        take_turn(tx, "place")
        provider = provider_in(control, tx, provider_id)
        _check_generation(provider, generation)
        unknown = sorted(set(names) - known_traits(control, tx))
        if unknown:
            raise BadInput(f"No such trait(s): {', '.join(unknown)}.", remedy="Create it first.", code="trait-unknown")
        if provider.parent is not None:
            raise Conflict(
                f"The traits of {provider.name} come from its device spec",
                detail=f"It has {', '.join(sorted(provider.traits))}.",
                remedy='Say "traits" in the device spec: busway device-spec set.',
                code="resource-provider-traits-of-spec",
            )
        own = set(names) - STANDARD_TRAITS
        host_id = HostId(provider.uuid)
        provider_traits.set_traits(tx, host_id, own)
        hosts.bump_revision(tx, host_id)
        listed = ", ".join(sorted(own)) or "none"
        reason = f"traits set to {listed} by {caller.user_name}"
        events.add_event(tx, Event(control.now(), "host", None, "traits", reason, host_id))
        changed = provider_in(control, tx, provider_id)
    control.bell.ring("place")
    return changed


def set_reserved(
    control: Control, caller: Caller, provider_id: str, generation: int | None, *wanted: Inventory
) -> ResourceProvider:
    """Holds free devices of a provider back, or lets held ones go, until so many of each class are reserved; all or none.

    Nothing else of an inventory can be set, for hosts report it.
    """
    with control.db.write() as tx:
        take_turn(tx, "place")
        provider = provider_in(control, tx, provider_id)
        _check_generation(provider, generation)
        let_go = [row for each in wanted for row in _hold(control, tx, caller, provider, each)]
    for row in let_go:
        recycle_device(control, caller, row.id)
    control.bell.ring("place")
    with control.db.read() as tx:
        return provider_in(control, tx, provider_id)


def _hold(
    control: Control, tx: Tx, caller: Caller, provider: ResourceProvider, wanted: Inventory
) -> Sequence[DeviceRow]:
    """Holds devices of one class back; returns those that are to be let go."""
    known = provider.inventories.get(wanted.resource_class)
    if known is None:
        raise NotFound(
            f"No inventory of class {wanted.resource_class} found for resource provider {provider.uuid}",
            code="inventory-not-found",
        )
    if (known.total, known.allocation_ratio) != (wanted.total, wanted.allocation_ratio):
        raise _computed(f"total and allocation_ratio of {provider.name}'s {known.resource_class}", _OF_HOST)
    if wanted.reserved != known.reserved and provider.parent is None:
        raise _computed(f"what {provider.name} keeps of {known.resource_class}", _OF_HOST)
    free, held = held_and_free(control, tx, provider, wanted.resource_class)
    more = wanted.reserved - known.reserved
    if more > len(free) or -more > len(held):
        raise Conflict(
            f"{provider.name} can't have {wanted.reserved} of {wanted.resource_class} reserved",
            detail=f"{known.reserved} are, of which {len(held)} can be let go; {len(free)} more can be held back.",
            remedy="What a server has can't be held back before the server is gone.",
            code="resource-provider-reserved",
        )
    for row in free[len(free) - more :] if more > 0 else ():
        reason = f"held back by {caller.user_name}"
        devices.set_quarantine(tx, row.id, reason)
        events.add_event(tx, Event(control.now(), "device", "available", "quarantined", reason, row.host_id, row.id))
    return held[:-more] if more < 0 else ()


_OF_HOST = "Hosts report what they have; ratios and the RAM that a host keeps are options of the configuration."


def _computed(what: str, detail: str) -> Conflict:
    return Conflict(
        f"Placement's view can't set {what}",
        detail=detail,
        remedy="See [DEFAULT] cpu_allocation_ratio, ram_allocation_ratio and reserved_host_memory_mb.",
        code="resource-provider-computed",
    )


def _check_generation(provider: ResourceProvider, generation: int | None) -> None:
    if generation is not None and generation != provider.generation:
        raise Conflict(
            f"resource provider generation conflict: it is {provider.generation}, and {generation} was given",
            remedy="Read the provider again, and repeat.",
            code="resource-provider-generation",
        )
