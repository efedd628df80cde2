"""The use cases of flavors: sizes, extra specs and access."""

from __future__ import annotations

from collections.abc import Mapping

from busway.control.context import Control
from busway.control.drivers.recipe import asked_driver
from busway.control.pattern import compile_pattern
from busway.domain.caller import Caller
from busway.domain.errors import Conflict, InvalidExtraSpec, NotFound
from busway.domain.extra_spec import check_extra_specs
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import LIMIT_PREFIX, check_limits
from busway.domain.ids import FlavorId, ProjectId
from busway.policy import authorize
from busway.scheduler.policy import READERS
from busway.store import flavors as store

DEFAULT_FLAVORS = (
    Flavor(FlavorId("1"), "m1.tiny", ram_mb=192, vcpus=1, disk_gb=1),
    Flavor(FlavorId("2"), "m1.small", ram_mb=256, vcpus=1, disk_gb=1),
    Flavor(FlavorId("3"), "m1.medium", ram_mb=1024, vcpus=2, disk_gb=10),
    Flavor(FlavorId("4"), "m1.large", ram_mb=4096, vcpus=4, disk_gb=40),
)


def bootstrap_flavors(control: Control) -> None:
    """Creates the default flavors in a cloud that has no flavor at all."""
    with control.db.write() as tx:
        if not store.list_flavors(tx):
            for flavor in DEFAULT_FLAVORS:
                store.add_flavor(tx, flavor)


def create_flavor(control: Control, caller: Caller, flavor: Flavor) -> Flavor:
    """Stores a new flavor with its extra specs checked."""
    authorize(caller, "os_compute_api:os-flavor-manage:create")
    _check_specs(control, flavor.extra_specs, flavor.extra_specs)
    with control.db.write() as tx:
        store.add_flavor(tx, flavor)
    return flavor


def list_flavors(
    control: Control, caller: Caller, is_public: bool | None = True, name: str | None = None
) -> list[Flavor]:
    """Flavors that the caller may use: public ones and those the project has access to.

    For an admin `is_public` filters and None brings all, as in Nova; for others it is ignored. `name` is a pattern that matches
    anywhere in a name; raises `BadInput` for one that is none.
    """
    pattern = compile_pattern(name, "name") if name is not None else None
    with control.db.read() as tx:
        known = store.list_flavors(tx)
        if pattern is not None:
            known = [each for each in known if pattern.search(each.name)]
        if caller.is_admin:
            return [each for each in known if is_public is None or each.is_public == is_public]
        accessible = store.list_accessible(tx, caller.project_id)
    return [each for each in known if each.is_public or each.id in accessible]


def get_flavor(control: Control, caller: Caller, flavor_id: str) -> Flavor:
    """One flavor by id; raises `NotFound` also for a private one of others."""
    with control.db.read() as tx:
        flavor = store.get_flavor(tx, flavor_id)
        if flavor.is_public or caller.is_admin or flavor.id in store.list_accessible(tx, caller.project_id):
            return flavor
    raise NotFound(f"Flavor {flavor_id} could not be found", code="flavor-not-found")


def delete_flavor(control: Control, caller: Caller, flavor_id: str) -> None:
    """Removes a flavor; servers keep their own copy of it."""
    authorize(caller, "os_compute_api:os-flavor-manage:delete")
    with control.db.write() as tx:
        store.delete_flavor(tx, store.get_flavor(tx, flavor_id).id)


def set_description(control: Control, caller: Caller, flavor_id: str, description: str | None) -> Flavor:
    """Replaces a flavor's description."""
    authorize(caller, "os_compute_api:os-flavor-manage:update")
    with control.db.write() as tx:
        store.save_description(tx, FlavorId(flavor_id), description)
        return store.get_flavor(tx, flavor_id)


def set_extra_specs(control: Control, caller: Caller, flavor_id: str, specs: Mapping[str, str]) -> Flavor:
    """Adds or replaces extra specs; raises `InvalidExtraSpec` for a PCI request that no boot could read."""
    authorize(caller, "os_compute_api:os-flavor-extra-specs:create")
    with control.db.write() as tx:
        flavor = store.get_flavor(tx, flavor_id, lock=True)
        together = {**flavor.extra_specs, **specs}
        _check_specs(control, specs, together)
        store.save_extra_specs(tx, flavor.id, together)
        return store.get_flavor(tx, flavor_id)


def _check_specs(control: Control, new: Mapping[str, str], together: Mapping[str, str]) -> None:
    """Checks new extra specs, and limits with those that the flavor has already; one for a filter that is off has no effect."""
    check_extra_specs(new)
    asked_driver(new, {})
    if any(key.startswith(LIMIT_PREFIX) for key in new):
        check_limits(together)
    for key in new:
        reader = READERS.get(key.partition(":")[0]) if ":" in key else None
        if reader is not None and reader not in control.settings.policy.filters:
            raise InvalidExtraSpec(
                f"{key} has no effect",
                detail=f"The configuration's enabled_filters leaves {reader} out.",
                remedy=f"Add {reader} to [filter_scheduler] enabled_filters.",
            )


def delete_extra_spec(control: Control, caller: Caller, flavor_id: str, key: str) -> None:
    """Removes one extra spec; raises `NotFound` when the flavor has none of that name."""
    authorize(caller, "os_compute_api:os-flavor-extra-specs:delete")
    with control.db.write() as tx:
        flavor = store.get_flavor(tx, flavor_id, lock=True)
        if key not in flavor.extra_specs:
            raise NotFound(
                f"Flavor {flavor.name} has no extra spec '{key}'",
                detail=f"It has: {', '.join(sorted(flavor.extra_specs)) or 'none'}.",
                code="extra-spec-not-found",
            )
        rest = {name: value for name, value in flavor.extra_specs.items() if name != key}
        store.save_extra_specs(tx, flavor.id, rest)


def list_access(control: Control, caller: Caller, flavor_id: str) -> list[ProjectId]:
    """The projects that may use a private flavor; raises `NotFound` for a public one, as Nova does."""
    authorize(caller, "os_compute_api:os-flavor-access")
    with control.db.read() as tx:
        flavor = store.get_flavor(tx, flavor_id)
        if flavor.is_public:
            raise NotFound("Access list not available for public flavors.", code="flavor-public")
        return store.list_access(tx, flavor.id)


def change_access(control: Control, caller: Caller, flavor_id: str, project_id: str, *, grant: bool) -> list[ProjectId]:
    """Grants or revokes a project's access to a private flavor; returns the projects with access."""
    access = "add_tenant_access" if grant else "remove_tenant_access"
    authorize(caller, f"os_compute_api:os-flavor-access:{access}")
    with control.db.write() as tx:
        flavor = store.get_flavor(tx, flavor_id)
        if flavor.is_public:
            raise Conflict(
                f"Flavor {flavor.name} is public",
                remedy="Only private flavors have an access list: create one with --private.",
                code="flavor-public",
            )
        change = store.add_access if grant else store.remove_access
        change(tx, flavor.id, ProjectId(project_id))
        return store.list_access(tx, flavor.id)
