"""Use cases: read providers, one or those that a filter lets through, and the traits and classes that there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from busway.control.context import Control
from busway.control.providers.tree import read_trees
from busway.domain.allocation_candidates import Candidate, CandidateRequest, Traits, candidates
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import DeviceId, HostId
from busway.domain.provider import ProviderTree, ResourceProvider
from busway.domain.resource_class import (
    DISABLED_TRAIT,
    LIVE_MIGRATABLE_TRAIT,
    MANAGED_TRAIT,
    ONE_TIME_USE_TRAIT,
    STANDARD_CLASSES,
    STANDARD_HOST_TRAITS,
    default_resource_class,
)
from busway.store import devices, hosts, provider_traits
from busway.store.database import Tx

# The standard traits that a host or a device of Busway's can have.
STANDARD_TRAITS = STANDARD_HOST_TRAITS | {DISABLED_TRAIT, MANAGED_TRAIT, LIVE_MIGRATABLE_TRAIT, ONE_TIME_USE_TRAIT}


@dataclass(frozen=True, slots=True)
class ProviderFilter:
    """Which providers a list holds; None and nothing let all through. `resources` are amounts that it can still give."""

    uuid: str | None = None
    name: str | None = None
    in_tree: str | None = None
    member_of: tuple[frozenset[str], ...] = ()
    outside: frozenset[str] = frozenset()
    required: Traits = ()
    forbidden: frozenset[str] = frozenset()
    resources: Mapping[str, int] = field(default_factory=dict)

    def lets_through(self, provider: ResourceProvider) -> bool:
        """True for a provider that a list with this filter holds."""
        return (
            self.uuid in (None, provider.uuid)
            and self.name in (None, provider.name)
            and all(provider.aggregates & any_of for any_of in self.member_of)
            and not self.outside & provider.aggregates
            and all(provider.traits & any_of for any_of in self.required)
            and not self.forbidden & provider.traits
            and all(provider.takes(name, amount) for name, amount in self.resources.items())
        )


def list_providers(control: Control, wanted: ProviderFilter) -> list[ResourceProvider]:
    """The providers that a filter lets through: hosts by name, each before its devices. Of one tree or name, only that is read."""
    with control.db.read() as tx:
        _check_names(control, tx, wanted.resources, (*wanted.required, wanted.forbidden))
        one = wanted.in_tree or wanted.uuid
        if one is not None:
            trees = _trees_of(control, tx, one)
        elif wanted.name is not None:
            trees = read_trees(control, tx, [row.id for row in hosts.list_by_name(tx, _hosts_called(wanted.name))])
        else:
            trees = read_trees(control, tx)
        found = [
            each for tree in trees if wanted.in_tree is None or tree.find(wanted.in_tree) for each in tree.providers
        ]
    return [provider for provider in found if wanted.lets_through(provider)]


def _hosts_called(provider: str) -> list[str]:
    """The names of hosts that may have a provider of a name: itself, or what is before an underscore (see `card_name`)."""
    return [provider, *(provider[:at] for at, letter in enumerate(provider) if letter == "_" and at)]


def get_provider(control: Control, provider_id: str) -> ResourceProvider:
    """One provider; raises `NotFound`."""
    with control.db.read() as tx:
        return provider_in(control, tx, provider_id)


def provider_in(control: Control, tx: Tx, provider_id: str) -> ResourceProvider:
    """One provider as it is in a transaction; raises `NotFound`."""
    host_id = find_host_id(tx, provider_id)
    trees = read_trees(control, tx, [host_id]) if host_id is not None else []
    found = trees[0].find(provider_id) if trees else None
    if found is None:
        raise NotFound(
            f"No resource provider with uuid {provider_id} found",
            remedy="List them: openstack resource provider list.",
            code="resource-provider-not-found",
        )
    return found


def list_candidates(control: Control, request: CandidateRequest, limit: int) -> list[Candidate]:
    """Which providers could serve a request; of a group for one tree, only that is read."""
    with control.db.read() as tx:
        for group in request.groups.values():
            _check_names(control, tx, group.resources, (*group.required, group.forbidden))
        _check_names(control, tx, (), (request.root_required, request.root_forbidden))
        named = [group.in_tree for group in request.groups.values() if group.in_tree]
        trees = _trees_of(control, tx, named[0]) if named else read_trees(control, tx)
    return candidates(trees, request, limit)


def _trees_of(control: Control, tx: Tx, provider_id: str) -> list[ProviderTree]:
    host_id = find_host_id(tx, provider_id)
    return read_trees(control, tx, [host_id]) if host_id is not None else []


def find_host_id(tx: Tx, provider_id: str) -> HostId | None:
    """The host whose tree has a provider: the host itself, or that of the device."""
    host = hosts.find_host_by_id(tx, HostId(provider_id))
    return host.id if host is not None else devices.host_of(tx, DeviceId(provider_id))


def list_traits(control: Control) -> list[str]:
    """All traits: the standard ones that Busway gives, those of device specs, and those that operators have named."""
    with control.db.read() as tx:
        return sorted(known_traits(control, tx))


def known_traits(control: Control, tx: Tx) -> set[str]:
    """All traits as they are in a transaction."""
    of_specs = {name for spec in control.pci_rules(tx).device_specs.specs for name in spec.tags.traits}
    return {*STANDARD_TRAITS, *of_specs, *provider_traits.list_traits(tx)}


def associated_traits(control: Control) -> set[str]:
    """The traits that some provider has."""
    with control.db.read() as tx:
        return {name for tree in read_trees(control, tx) for each in tree.providers for name in each.traits}


def list_classes(control: Control) -> list[str]:
    """All classes: Placement's standard ones, then those of device specs, of mediated devices and of devices themselves."""
    with control.db.read() as tx:
        own = _own_classes(control, tx)
    return [*sorted(STANDARD_CLASSES), *sorted(own - STANDARD_CLASSES)]


def _own_classes(control: Control, tx: Tx) -> set[str]:
    specs = control.pci_rules(tx).device_specs.specs
    named = {spec.tags.resource_class for spec in specs if spec.tags.resource_class is not None}
    kinds = {default_resource_class(*ids) for ids in devices.list_ids(tx)} if specs else set()
    return named | set(control.settings.mdev_rules.classes) | kinds


def _check_names(control: Control, tx: Tx, classes: Collection[str], traits: Collection[frozenset[str]]) -> None:
    """Raises `BadInput` for a class or a trait that does not exist, as Placement does."""
    unknown = sorted(set(classes) - STANDARD_CLASSES - (_own_classes(control, tx) if classes else set()))
    if unknown:
        raise BadInput(
            f"Invalid resource class in resources parameter: No such resource class {unknown[0]}",
            remedy="List them: openstack resource class list.",
            code="resource-class-unknown",
        )
    asked = {name for several in traits for name in several}
    missing = sorted(asked - known_traits(control, tx)) if asked else []
    if missing:
        raise BadInput(
            f"No such trait(s): {', '.join(missing)}.", remedy="List them: openstack trait list.", code="trait-unknown"
        )
