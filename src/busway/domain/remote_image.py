"""An image of another region, as its image service describes it: what an import by `glance-download` copies of it.

Facts: Glance takes the formats, and the properties whose names begin with a word of `[glance_download_properties]
extra_properties`; other attributes stay those of the new image.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from busway.domain.disk_formats import ALL_FORMATS
from busway.domain.errors import BadInput
from busway.domain.image import DATA_CONTAINERS, RESERVED, Image, check_properties
from busway.domain.image_boot import check_unsigned

USUAL_PROPERTIES = ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type")
DESCRIPTION_BYTES = 1024**2
# What image services say themselves: never properties, whatever they begin with.
ATTRIBUTES = frozenset(
    [
        "id",
        "name",
        "status",
        "visibility",
        "owner",
        "protected",
        "os_hidden",
        "disk_format",
        "container_format",
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "min_disk",
        "min_ram",
        "tags",
        "created_at",
        "updated_at",
        "self",
        "file",
        "schema",
        "stores",
        "locations",
        "direct_url",
    ]
)


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """The image that a request names: its id, the region of the catalog, and the interface of the endpoint there."""

    id: str
    region: str
    interface: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a region says of an active image; `size` is in bytes of its data, digests are hex or None."""

    disk_format: str
    container_format: str
    size: int
    checksum: str | None = None
    hash_algo: str | None = None
    hash_value: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    def of(self, image: Image) -> Image:
        """Returns an image with these formats and properties; raises `BadInput` or `TooLarge` for too many."""
        properties = {**image.properties, **self.properties}
        described = replace(
            image, properties=properties, disk_format=self.disk_format, container_format=self.container_format
        )
        check_properties(described)
        check_unsigned(properties)
        return described


def read_remote(method: Mapping[str, Any]) -> RemoteImage:
    """Reads which image a request names; raises `BadInput`. Without an interface it is the public one, as in Glance."""
    found = RemoteImage(
        str(method.get("glance_image_id") or ""),
        str(method.get("glance_region") or ""),
        str(method.get("glance_service_interface") or "public"),
    )
    try:
        uuid.UUID(found.id)
    except ValueError as error:
        raise _unnamed("glance_image_id: the image id does not look like a UUID", "Name its id") from error
    if not found.region:
        raise _unnamed("glance_region is missing", "Name a region of the catalog: openstack region list") from None
    return found


def read_description(data: bytes, prefixes: tuple[str, ...]) -> Description:
    """Reads the answer of `GET /v2/images/ID`; raises `BadInput` for an image that can't be copied."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unfit("its region's answer is no JSON") from error
    if not isinstance(told, dict):
        raise _unfit("its region's answer is no image")
    if told.get("status") != "active":
        raise _unfit(f"it is {str(told.get('status'))[:40]}, and only an active image is copied")
    _one_of("disk_format", told.get("disk_format"), ALL_FORMATS)
    _one_of("container_format", told.get("container_format"), DATA_CONTAINERS)
    size = told.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise _unfit("its region does not tell its size")
    digests = [told.get(name) for name in ("checksum", "os_hash_algo", "os_hash_value")]
    checksum, algo, value = (each.lower() if isinstance(each, str) and each else None for each in digests)
    return Description(
        told["disk_format"], told["container_format"], size, checksum, algo, value, _copied(told, prefixes)
    )


def _copied(told: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {
        name: value
        for name, value in told.items()
        if name.startswith(prefixes) and name not in ATTRIBUTES and not name.startswith(RESERVED)
        if isinstance(value, str)
    }


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _unfit(f"its {name} is {str(value)[:40]}, and Busway takes {', '.join(known)}")


def _unnamed(why: str, remedy: str) -> BadInput:
    return BadInput(
        "The request does not name an image of another region",
        detail=f"Reason: {why}.",
        remedy=f"{remedy}: openstack image import --method glance-download --remote-region REGION --remote-service-interface public --remote-image ID IMAGE",
        code="image-import-remote",
    )


def _unfit(why: str) -> BadInput:
    return BadInput(
        "The image of the other region can't be copied",
        detail=f"Reason: {why}.",
        remedy="Choose another image, or download this one there and upload it here.",
        code="image-import-remote",
    )
