"""What a server's flavor and image ask of the scheduler."""

from __future__ import annotations

from collections.abc import Mapping

from busway.control.context import Control
from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_requests
from busway.domain.errors import InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.ids import ImageId, ServerId
from busway.domain.placement import Pairs, PlacementRequest
from busway.store import images
from busway.store.database import Tx

NUMA_NODES_EXTRA_SPEC = "hw:numa_nodes"
# Properties of images that a filter or a PCI request reads.
_OF_IMAGES = (
    "hw_architecture",
    "architecture",
    "img_hv_type",
    "hypervisor_type",
    "hw_vm_mode",
    "vm_mode",
    "hw_pci_numa_affinity_policy",
)


def placement_request(
    control: Control,
    tx: Tx,
    server_id: ServerId,
    flavor: Flavor,
    properties: Mapping[str, str],
    host: str | None,
    zone: str | None,
) -> PlacementRequest:
    """Reads flavor and image; raises `BuswayError` for an alias, a count or a policy that can't be understood."""
    return PlacementRequest(
        server_id,
        flavor.vcpus,
        flavor.ram_mb,
        flavor.disk_gb,
        parse_requests(flavor.extra_specs, control.pci_rules(tx).aliases, properties),
        host,
        zone,
        numa_nodes=numa_nodes(flavor.extra_specs),
        extra_specs=_pairs(flavor.extra_specs),
        image_properties=_pairs({name: properties[name] for name in _OF_IMAGES if name in properties}),
    )


def image_properties(tx: Tx, flavor: Flavor, image_id: ImageId) -> Mapping[str, str]:
    """The properties of a server's image; one that asks for no device does not cost a look at it."""
    image = images.find_image(tx, image_id) if ALIAS_EXTRA_SPEC in flavor.extra_specs else None
    return image.properties if image is not None else {}


def numa_nodes(extra_specs: Mapping[str, str]) -> int:
    """How many NUMA cells a flavor gives its guest, 0 for none; raises `InvalidExtraSpec`."""
    value = extra_specs.get(NUMA_NODES_EXTRA_SPEC)
    if value is None:
        return 0
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 64:
        raise InvalidExtraSpec(
            f"{NUMA_NODES_EXTRA_SPEC}={value} is no number of NUMA cells",
            detail="It must be a whole number from 1 to 64.",
            remedy=f"Set it like {NUMA_NODES_EXTRA_SPEC}=1, or unset it for a guest without NUMA cells.",
        )
    return int(value)


def _pairs(values: Mapping[str, str]) -> Pairs:
    return tuple(sorted((key, str(value)) for key, value in values.items()))
