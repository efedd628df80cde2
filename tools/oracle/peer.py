"""Nova's side: reads one case per line from standard input and writes Nova's answer, both as JSON.

Runs in the oracle's environment, which has no Busway. What Nova would read from a host's /sys comes from the case.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nova.conf  # type: ignore[import-not-found]
from nova import exception, objects
from nova.compute import pci_placement_translator as translator  # type: ignore[import-not-found]
from nova.objects.request_spec import RequestSpec  # type: ignore[import-not-found]
from nova.pci import request as pci_request  # type: ignore[import-not-found]
from nova.pci import stats, whitelist
from nova.virt import hardware  # type: ignore[import-not-found]
from oslo_utils import strutils

from tools.oracle.peer_config import configured, rules_of
from tools.oracle.peer_fit import fits

Json = dict[str, Any]
CONF = nova.conf.CONF
_LARGEST_DOMAIN = 0xFFFF  # the driver leaves devices of larger domains out before it asks


def main() -> int:
    """Answer until standard input ends."""
    logging.disable(logging.CRITICAL)
    CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    objects.register_all()
    for line in sys.stdin:
        print(json.dumps(_outcome(json.loads(line))), flush=True)
    return 0


def _outcome(case: Json) -> Json:
    try:
        return {"ok": _ANSWERS[case["kind"]](case)}
    except exception.ImagePCINUMAPolicyForbidden as error:
        return {"refused": str(error), "kind": "forbidden"}
    except exception.NovaException as error:
        return {"refused": str(error)}
    except Exception as error:
        return {"crashed": f"{type(error).__name__}: {error}"}


def _aliases(case: Json) -> Json:
    found = configured(case)
    return {
        name: {"policy": policy, "specs": [_alias_spec(spec, case["placement"]) for spec in specs]}
        for name, (policy, specs) in found.items()
    }


def _alias_spec(spec: Json, placement: bool) -> Json:
    ids = {key: spec[key].lower() if key in spec else None for key in ("vendor_id", "product_id")}
    answer = {**ids, "device_type": spec.get("dev_type"), "live_migratable": _boolean(spec.get("live_migratable"))}
    if placement:
        answer["resource_class"] = RequestSpec._rc_from_request(spec)
        answer["traits"] = sorted(RequestSpec._traits_from_request(spec))
    return answer


def _assign(case: Json) -> list[Json | None]:
    rules = rules_of(case, case["devices"])
    return [_offer(rules, device) for device in case["devices"]]


def _offer(rules: whitelist.Whitelist, device: Json) -> Json | None:
    if int(device["address"].split(":")[0], 16) > _LARGEST_DOMAIN:
        return None
    found = rules.device_assignable(
        {
            "vendor_id": device["vendor_id"],
            "product_id": device["product_id"],
            "address": device["address"],
            "parent_addr": device["parent"],
            "capabilities": {"vpd": {"card_serial_number": device["serial"]}},
        }
    )
    return None if found is None else {"spec": rules.specs.index(found), "tags": _tags(found.get_tags())}


def _tags(tags: Json) -> Json:
    named = ("physical_network", "trusted", "remote_managed", "managed", "live_migratable", "one_time_use")
    asked = tags.get("resource_class")
    return {
        "physical_network": tags.get("physical_network"),
        "tunnelled": "physical_network" in tags and tags["physical_network"] is None,
        "trusted": strutils.bool_from_string(tags.get("trusted")),
        "remote_managed": strutils.bool_from_string(tags.get("remote_managed")),
        "managed": _boolean(tags.get("managed")) is not False,
        "live_migratable": _boolean(tags.get("live_migratable")),
        "one_time_use": _boolean(tags.get("one_time_use")) is True,
        "resource_class": translator.get_resource_class(asked, "", "") if asked else None,
        "traits": sorted(translator.get_traits(tags.get("traits") or "")),
        "other": {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in tags.items()
            if key not in (*named, "resource_class", "traits")
        },
    }


def _match(case: Json) -> list[bool | str | None]:
    """Tell for each device whether it alone would do for a request of one; None where no rule offers it."""
    configured(case)
    rules = rules_of(case, case["devices"])
    requests = pci_request._translate_alias_to_requests(case["request"])
    return [_fits(rules, requests, device, case["placement"]) for device in case["devices"]]


def _fits(rules: whitelist.Whitelist, requests: list[Any], device: Json, placement: bool) -> bool | str | None:
    if _offer(rules, device) is None:
        return None
    made = objects.PciDevice(
        vendor_id=device["vendor_id"],
        product_id=device["product_id"],
        address=device["address"],
        parent_addr=device["parent"],
        dev_type=device["kind"],
        numa_node=0,
        compute_node_id=1,
        status="available",
        extra_info={"capabilities": json.dumps({"vpd": {"card_serial_number": device["serial"]}})},
    )
    made.child_devices, made.parent_device = [], None
    host = stats.PciDeviceStats(objects.NUMATopology(cells=[]), dev_filter=rules)
    host.add_device(made)
    fits = bool(host.support_requests(requests, provider_mapping=None))
    if not placement:
        return fits
    try:
        return _fits_placement(rules.get_devspec(made).get_tags(), requests, made) and fits
    except exception.PlacementPciException as error:
        return f"the service ends: {error}"


def _fits_placement(tags: Json, requests: list[Any], device: objects.PciDevice) -> bool:
    """Do what the query to Placement does: the class must be equal and no trait missing; physnets are not in it."""
    if tags.get("physical_network") is not None:
        return False
    provider = translator.PciResourceProvider("host_device")
    (provider.add_child if device.dev_type == "type-VF" else provider.add_parent)(device, tags)
    [spec] = requests[0].spec
    return bool(
        RequestSpec._rc_from_request(spec) == provider.resource_class
        and RequestSpec._traits_from_request(spec) <= provider.traits
    )


def _requests(case: Json) -> list[list[Any]]:
    configured(case)
    properties = {} if case["image_policy"] is None else {"hw_pci_numa_affinity_policy": case["image_policy"]}
    image = objects.ImageMeta.from_dict({"properties": properties})
    flavor = objects.Flavor(extra_specs=case["extra_specs"])
    policy = hardware.get_pci_numa_policy_constraint(flavor, image)
    found = pci_request.get_pci_requests_from_flavor(flavor, affinity_policy=policy)
    return [[request.alias_name, request.count, request.numa_policy] for request in found.requests]


def _file(case: Json) -> Json:
    for option, group in (("alias", "pci"), ("device_spec", "pci"), ("pci_in_placement", "filter_scheduler")):
        CONF.clear_override(option, group)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nova.conf"
        path.write_text(case["text"], encoding="utf-8")
        CONF.clear()
        CONF([], project="nova", default_config_files=[str(path)], default_config_dirs=[])
        answer = {"alias": list(CONF.pci.alias), "device_spec": list(CONF.pci.device_spec)}
        answer["placement"] = CONF.filter_scheduler.pci_in_placement
    CONF.clear()
    CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    return answer


def _boolean(word: Any) -> bool | None:
    return None if word is None else bool(strutils.bool_from_string(word, strict=True))


_ANSWERS: dict[str, Callable[[Json], Any]] = {
    "aliases": _aliases,
    "assign": _assign,
    "match": _match,
    "requests": _requests,
    "fit": fits,
    "file": _file,
}

if __name__ == "__main__":
    sys.exit(main())
