"""Busway's side: the same answers, in the same words."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from busway.bootstrap.config import read
from busway.domain.address import PciAddress
from busway.domain.alias import AliasSpec, parse_aliases, parse_requests
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import DeviceSpecs, parse_device_specs
from busway.domain.device_tags import DeviceTags
from busway.domain.errors import BuswayError, Forbidden
from tools.oracle.ours_fit import fits

Json = dict[str, Any]


def answer(case: Json) -> Json:
    """Answer one case; an exception that is no BuswayError is a crash, as in Nova."""
    try:
        return {"ok": _ANSWERS[case["kind"]](case)}
    except Forbidden as error:
        return {"refused": str(error), "kind": "forbidden"}
    except BuswayError as error:
        return {"refused": error.brief}
    except Exception as error:
        return {"crashed": f"{type(error).__name__}: {error}"}


def _aliases(case: Json) -> Json:
    found = parse_aliases(case["aliases"], placement=case["placement"])
    return {
        name: {
            "policy": str(alias.numa_policy),
            "specs": [_alias_spec(spec, case["placement"]) for spec in alias.specs],
        }
        for name, alias in found.items()
    }


def _alias_spec(spec: AliasSpec, placement: bool) -> Json:
    answer: Json = {
        "vendor_id": spec.vendor_id,
        "product_id": spec.product_id,
        "device_type": str(spec.device_type) if spec.device_type else None,
        "live_migratable": spec.live_migratable,
    }
    if placement:
        answer |= {"resource_class": spec.resource_class, "traits": sorted(spec.traits)}
    return answer


def _assign(case: Json) -> list[Json | None]:
    rules = parse_device_specs(case["specs"])
    return [_offer(rules, _device(device)) for device in case["devices"]]


def _offer(rules: DeviceSpecs, device: PciDevice) -> Json | None:
    found = rules.find(device)
    if found is None:
        return None
    return {"spec": next(i for i, spec in enumerate(rules.specs) if spec is found), "tags": _tags(found.tags)}


def _tags(tags: DeviceTags) -> Json:
    return {
        "physical_network": tags.physical_network,
        "tunnelled": tags.tunnelled,
        "trusted": tags.trusted,
        "remote_managed": tags.remote_managed,
        "managed": tags.managed,
        "live_migratable": tags.live_migratable,
        "one_time_use": tags.one_time_use,
        "resource_class": tags.resource_class,
        "traits": sorted(tags.traits),
        "other": dict(tags.other),
    }


def _match(case: Json) -> list[bool | None]:
    aliases = parse_aliases(case["aliases"], placement=case["placement"])
    rules = parse_device_specs(case["specs"])
    [request] = parse_requests({"pci_passthrough:alias": case["request"]}, aliases)
    offers = [(device, rules.find(device)) for device in map(_device, case["devices"])]
    return [None if spec is None else request.alias.matches(device, spec.tags) for device, spec in offers]


def _requests(case: Json) -> list[list[Any]]:
    aliases = parse_aliases(case["aliases"], placement=case["placement"])
    properties = {} if case["image_policy"] is None else {"hw_pci_numa_affinity_policy": case["image_policy"]}
    found = parse_requests(case["extra_specs"], aliases, properties)
    return [[request.alias.name, request.count, str(request.numa_policy)] for request in found]


def _file(case: Json) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nova.conf"
        path.write_text(case["text"], encoding="utf-8")
        reading = read(path)
    if reading.faults:
        raise reading.faults[0].error
    language = reading.language
    return {
        "alias": [value.text for value in language.alias_values],
        "device_spec": [value.text for value in language.spec_values],
        "placement": language.placement,
    }


def _device(device: Json) -> PciDevice:
    return PciDevice(
        PciAddress(device["address"]),
        device["vendor_id"],
        device["product_id"],
        device["class"],
        kind=DeviceKind(device["kind"]),
        parent=PciAddress(device["parent"]) if device["parent"] else None,
        numa_node=0,
    )


_ANSWERS: dict[str, Callable[[Json], Any]] = {
    "aliases": _aliases,
    "assign": _assign,
    "match": _match,
    "requests": _requests,
    "fit": fits,
    "file": _file,
}
