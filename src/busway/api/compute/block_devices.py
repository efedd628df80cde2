"""The disks that a request for a server names: its image's, for Busway has no volumes.

The fields are Nova's; those that ask for what a disk of an image on its host can't be are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.schema import BOOLEAN, Definition, as_bool, closed
from busway.domain.errors import BadInput, NotSupported
from busway.domain.ids import ImageId

_TEXT = {"type": ["string", "null"], "maxLength": 255}
_NUMBER = {"type": ["integer", "string", "null"], "maxLength": 10}
MAPPINGS: Definition = {
    "type": "array",
    "maxItems": 255,
    "items": closed(
        {
            "source_type": {"enum": ["volume", "image", "snapshot", "blank"]},
            "destination_type": {"enum": ["local", "volume", None]},
            "uuid": _TEXT,
            "boot_index": _NUMBER,
            "delete_on_termination": BOOLEAN,
            "disk_bus": _TEXT,
            "device_type": _TEXT,
            "device_name": _TEXT,
            "guest_format": _TEXT,
            "no_device": BOOLEAN,
            "tag": _TEXT,
            "volume_size": _NUMBER,
            "volume_type": _TEXT,
        }
    ),
}
_BUS = ("disk_bus", "device_type")
_ELSE = ("device_name", "guest_format", "tag", "volume_size", "volume_type")


def image_of(given: Mapping[str, Any]) -> ImageId:
    """The image of a checked request; raises `NotSupported` for volumes and for what a disk can't be."""
    image = str(given.get("imageRef") or "").rpartition("/")[2]
    for mapping in given.get("block_device_mapping_v2") or []:
        _check(mapping)
        named = str(mapping.get("uuid") or image)
        if image and named != image:
            raise BadInput(
                f"The block device is of image {named}, and the server of image {image}",
                remedy="Name one image.",
                code="image-missing",
            )
        image = named
    if not image:
        raise BadInput("Invalid imageRef provided", remedy="Name an image: --image NAME", code="image-missing")
    return ImageId(image)


def _check(mapping: Mapping[str, Any]) -> None:
    if mapping.get("source_type") == "blank" and mapping.get("destination_type") in (None, "local"):
        kind = "swap" if mapping.get("guest_format") == "swap" else "ephemeral"
        raise NotSupported(
            f"A server's {kind} disk is its flavor's",
            detail="A server has it by its flavor, of that size, and no request changes it.",
            remedy=f"Choose a flavor with one, or have an admin make it: openstack flavor create --{kind} SIZE.",
            code="create-option",
        )
    from_image = mapping.get("source_type") == "image" and mapping.get("destination_type") in (None, "local")
    if not from_image or str(mapping.get("boot_index", 0)) != "0":
        raise NotSupported(
            "Busway has no volumes",
            detail=f"The block device {mapping.get('source_type')} -> {mapping.get('destination_type')} needs one.",
            remedy="Boot from an image with a local disk: use only --image NAME.",
            code="volumes",
        )
    if bus := next((mapping[name] for name in _BUS if mapping.get(name)), None):
        raise NotSupported(
            f"The image says on which bus its disk is, not the block device ({bus})",
            remedy="Omit it; set hw_disk_bus of the image: openstack image set --property hw_disk_bus=scsi IMAGE",
            code="create-option",
        )
    asked = [name for name in _ELSE if mapping.get(name)]
    if as_bool(mapping.get("no_device", False), "no_device"):
        asked.append("no_device")
    if not as_bool(mapping.get("delete_on_termination", True), "delete_on_termination"):
        asked.append("delete_on_termination=false")
    if asked:
        raise NotSupported(
            f"The disk of an image has no {asked[0]}",
            detail="It is as large as its flavor says, the first one of its guest, and goes with its server.",
            remedy="Omit it.",
            code="create-option",
        )
