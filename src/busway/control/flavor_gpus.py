"""What a flavor's GPUs are, as extra specs that tools can read: computed from what hosts reported, and kept nowhere.

`gpu:count`, `gpu:vendor`, `gpu:name`, `gpu:memory_mib` (of each), `gpu:product` (in pci.ids) and `gpu:profile` (the type of a vGPU);
a second kind of the same flavor has `gpu2:` and so on. What is not known of it, or is not the same for all that a request may
get, is left out. Who may change extra specs does not see them in lists: Ansible and Terraform remove those that they did not write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.domain.alias import ALIAS_EXTRA_SPEC, Alias, AliasSpec, parse_alias_counts
from busway.domain.caller import Caller
from busway.domain.device import DeviceKind
from busway.domain.device_spec import DeviceSpecs
from busway.domain.errors import InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.gpu_model import VENDORS, memory_of, model_of
from busway.domain.mdev import VGPU, MdevRules
from busway.domain.resource_class import default_resource_class
from busway.domain.resource_request import parse_resources
from busway.domain.units.mdev import Mdev
from busway.domain.vgpu import read_vgpu_name
from busway.policy import allows
from busway.store import models
from busway.store.database import Tx
from busway.store.models import Model

WRITERS = "os_compute_api:os-flavor-extra-specs:create"
_MAX_VALUE = 255  # characters of an extra spec


@dataclass(frozen=True, slots=True)
class _Gpu:
    """One kind of GPU; "" and None are what is not known."""

    vendor: str = ""
    name: str = ""
    memory_mib: int | None = None
    product: str = ""
    profile: str = ""

    def words(self, prefix: str, count: int) -> dict[str, str]:
        """Its extra specs."""
        memory = "" if self.memory_mib is None else str(self.memory_mib)
        told = {"count": str(count), "vendor": self.vendor, "name": self.name, "memory_mib": memory}
        told |= {"product": self.product[:_MAX_VALUE], "profile": self.profile}
        return {f"{prefix}:{key}": value for key, value in told.items() if value}


def shown_to(control: Control, caller: Caller, flavors: Sequence[Flavor]) -> list[Flavor]:
    """Flavors as the caller sees them in a list: with their GPUs, unless the caller may change extra specs."""
    return list(flavors) if allows(caller, WRITERS) else with_gpus(control, flavors)


def with_gpus(control: Control, flavors: Sequence[Flavor]) -> list[Flavor]:
    """Flavors with what their GPUs are among their extra specs; reads a row for each model that they name."""
    asking = [each for each in flavors if _asks(each.extra_specs)]
    if not asking:
        return list(flavors)
    with control.db.read() as tx:
        words = _Words.read(control, tx, asking)
    return [replace(each, extra_specs={**each.extra_specs, **words.of(each)}) for each in flavors]


def _asks(specs: Mapping[str, str]) -> bool:
    return any(key == ALIAS_EXTRA_SPEC or key.startswith("resources") for key in specs)


def _alias_counts(specs: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(parse_alias_counts(specs[ALIAS_EXTRA_SPEC])) if ALIAS_EXTRA_SPEC in specs else ()
    except InvalidExtraSpec:  # written before it was checked: no boot can read it either
        return ()


def _class_counts(specs: Mapping[str, str]) -> list[tuple[str, int]]:
    try:
        return [(each.resource_class, each.count) for each in parse_resources(specs).groups if each.kind == Mdev.kind]
    except InvalidExtraSpec:
        return []


@dataclass(frozen=True, slots=True)
class _Words:
    """What is known of each alias and class that some flavors ask for; None for one that is no GPU or not known to be one."""

    aliases: Mapping[str, _Gpu | None]
    classes: Mapping[str, _Gpu | None]

    @classmethod
    def read(cls, control: Control, tx: Tx, flavors: Iterable[Flavor]) -> _Words:
        names = {name for each in flavors for name, _ in _alias_counts(each.extra_specs)}
        wanted = {name for each in flavors for name, _ in _class_counts(each.extra_specs)}
        rules = control.pci_rules(tx) if names else None
        asked = {name: rules.aliases[name] for name in sorted(names) if name in rules.aliases} if rules else {}
        ids = {name: _ids(alias, rules.device_specs) for name, alias in asked.items()} if rules else {}
        known = models.list_models(tx, sorted({pair for pairs in ids.values() if pairs for pair in pairs}))
        parents = models.list_parent_models(tx) if wanted else []
        return cls(
            {name: _of_alias(alias, ids[name], known) for name, alias in asked.items()},
            {name: _of_class(name, control.settings.mdev_rules, parents) for name in wanted},
        )

    def of(self, flavor: Flavor) -> dict[str, str]:
        """The extra specs that tell a flavor's GPUs."""
        counts: dict[_Gpu, int] = {}
        for known, asked in ((self.aliases, _alias_counts), (self.classes, _class_counts)):
            for name, count in asked(flavor.extra_specs):
                gpu = known.get(name)
                if gpu is not None:
                    counts[gpu] = counts.get(gpu, 0) + count
        told: dict[str, str] = {}
        for number, (gpu, count) in enumerate(counts.items(), 1):
            told |= gpu.words("gpu" if number == 1 else f"gpu{number}", count)
        return told


def _ids(alias: Alias, specs: DeviceSpecs) -> list[tuple[str, str]] | None:
    """Vendor and product of all that an alias may mean; None where that is not written."""
    found = [_ids_of(spec, specs) for spec in alias.specs]
    return None if any(each is None for each in found) else [pair for each in found for pair in each or ()]


def _ids_of(spec: AliasSpec, specs: DeviceSpecs) -> list[tuple[str, str]] | None:
    if spec.vendor_id is not None and spec.product_id is not None:
        return [(spec.vendor_id, spec.product_id)]
    if spec.resource_class is None:
        return None
    offered = [
        (each.vendor_id, each.product_id)
        for each in specs.specs
        if _class_of(each.vendor_id, each.product_id, each.tags.resource_class) == spec.resource_class
    ]
    pairs = [(vendor, product) for vendor, product in offered if vendor is not None and product is not None]
    return pairs if pairs and len(pairs) == len(offered) else None


def _class_of(vendor: str | None, product: str | None, named: str | None) -> str | None:
    if named is not None:
        return named
    return default_resource_class(vendor, product) if vendor is not None and product is not None else None


def _of_alias(alias: Alias, ids: list[tuple[str, str]] | None, known: Mapping[tuple[str, str], Model]) -> _Gpu | None:
    """What an alias gives, by the devices that hosts have; those that no host has it can't give."""
    found = [known[pair] for pair in ids or () if pair in known]
    if not found or not all(model.is_gpu for model in found):
        return None
    shares = any(spec.device_type is DeviceKind.VF for spec in alias.specs)
    return _common([_whole(model, share=shares) for model in found])


def _whole(model: Model, *, share: bool) -> _Gpu:
    memory = None if share else memory_of(model.product_name)  # how much of its card a VF has is not in its name
    vendor = VENDORS.get(model.vendor_id, "")
    return _Gpu(vendor, model_of(model.product_name), memory, model.product_name)


def _of_class(name: str, rules: MdevRules, parents: Iterable[Model]) -> _Gpu | None:
    """What a resource class gives: instances of the types that are enabled for it, on parents that have them."""
    types = {rule.type_id for rule in rules.rules if rule.resource_class == name}
    found = [
        _share(model, kind.name)
        for model in parents
        for kind in (model.parent.types if model.parent else ())
        if kind.id in types and (model.is_gpu or name == VGPU)
    ]
    if found:
        return _common(found)
    return _Gpu() if name == VGPU else None


def _share(model: Model, type_name: str) -> _Gpu:
    told = read_vgpu_name(type_name)
    vendor = VENDORS.get(model.vendor_id, "")
    name = model_of(model.product_name) or (told.model if told else "")
    return _Gpu(vendor, name, told.size * 1024 if told else None, model.product_name, type_name)


def _common(gpus: Sequence[_Gpu]) -> _Gpu:
    """What is the same of all."""
    first = gpus[0]
    return _Gpu(
        first.vendor if all(each.vendor == first.vendor for each in gpus) else "",
        first.name if all(each.name == first.name for each in gpus) else "",
        first.memory_mib if all(each.memory_mib == first.memory_mib for each in gpus) else None,
        first.product if all(each.product == first.product for each in gpus) else "",
        first.profile if all(each.profile == first.profile for each in gpus) else "",
    )
