"""What a server's flavor and image ask of the scheduler."""

from __future__ import annotations

from collections.abc import Mapping

from busway.control.context import Control
from busway.domain.alias import parse_requests
from busway.domain.flavor import Flavor
from busway.domain.guest_cells import guest_cells
from busway.domain.guest_machine import cpu_threads, isolates_emulator, machine_of, shared_vcpus
from busway.domain.host_trait import TRAIT
from busway.domain.ids import ImageId, ServerId
from busway.domain.nic_request import NicWish, needs_overlay, nic_requests, refuse_limited
from busway.domain.numa_policy import NUMA_POLICY_PROPERTY, numa_policy_of
from busway.domain.placement import Pairs, PlacementRequest, ServerGroup
from busway.domain.resource_request import check_resources
from busway.store import images
from busway.store.database import Tx
from busway.store.servers import ServerRow

# Properties of images that a filter or a PCI request reads, beside those that begin with one of `_WORDS`.
_OF_IMAGES = (
    "hw_architecture",
    "architecture",
    "img_hv_type",
    "hypervisor_type",
    "hw_vm_mode",
    "vm_mode",
    "hw_pci_numa_affinity_policy",
)


_WORDS = ("hw_", "os_", "img_", "busway:", "busway_", TRAIT)


def image_words(properties: Mapping[str, str]) -> dict[str, str]:
    """What an image says of its guests: of all properties those that a server keeps."""
    return {key: value for key, value in properties.items() if key in _OF_IMAGES or key.startswith(_WORDS)}


def server_words(tx: Tx, row: ServerRow) -> Mapping[str, str]:
    """The settings in a server's image: as stored with the server, or, for an older server, as the image has them now."""
    return row.image_words if row.image_words is not None else image_properties(tx, row.image_id)


def placement_request(
    control: Control,
    tx: Tx,
    server_id: ServerId,
    project: str,
    flavor: Flavor,
    properties: Mapping[str, str],
    host: str | None,
    zone: str | None,
    group: ServerGroup | None = None,
    nics: tuple[NicWish, ...] = (),
) -> PlacementRequest:
    """Reads flavor and image; raises `BuswayError` for an alias, a count or a policy that can't be understood.

    `nics` are the SR-IOV ports of the server, and those on networks of type geneve.
    """
    refuse_limited(flavor, (wish.vnic for wish in nics))
    number, sizes = guest_cells(flavor, properties)
    requests = parse_requests(flavor.extra_specs, control.pci_rules(tx).aliases, properties)
    return PlacementRequest(
        server_id,
        flavor.vcpus,
        flavor.ram_mb,
        flavor.local_gb,
        (*requests, *nic_requests(nics, numa_policy_of(flavor.extra_specs, properties))),
        host,
        zone,
        numa_nodes=number,
        numa_sizes=sizes,
        resources=check_resources(flavor.extra_specs, properties.get(NUMA_POLICY_PROPERTY)),
        group=group,
        extra_specs=_pairs(flavor.extra_specs),
        needs=machine_of(flavor, properties).needs,
        overlay=needs_overlay(nics),
        threads=cpu_threads(flavor, properties),
        shared=shared_vcpus(flavor, properties),
        emulator=isolates_emulator(flavor, properties),
        project=project,
        image_properties=_pairs(image_words(properties)),
    )


def image_properties(tx: Tx, image_id: ImageId) -> Mapping[str, str]:
    """The properties of a server's image, none when it is gone."""
    image = images.find_image(tx, image_id)
    return image.properties if image is not None else {}


def _pairs(values: Mapping[str, str]) -> Pairs:
    return tuple(sorted((key, str(value)) for key, value in values.items()))
