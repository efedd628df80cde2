"""Images: their life, and what the first bytes of a file say about its format.

An image is QUEUED until its whole data is stored and checked, then ACTIVE; data never changes after that. Data of an import is
UPLOADING when it is staged, IMPORTING while it is fetched, checked or converted. Its owner may deactivate it, and make it ACTIVE again, as an admin may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, TooLarge
from busway.domain.ids import ImageId, ProjectId, ServerId
from busway.domain.qcow2 import MAGIC, read_qcow2

DISK_FORMATS = ("qcow2", "raw")
CONTAINER_FORMATS = ("bare", "ovf")
DATA_CONTAINERS = ("bare",)  # of an image with data: one of another container stays without until that is changed
VISIBILITIES = ("public", "community", "shared", "private")
RESERVED = "os_glance_"  # properties of this name are the image service's own

# Glance's image_property_quota and image_tag_quota, and the lengths of its columns.
MOST_PROPERTIES, MOST_TAGS = 128, 128
PROPERTY_NAME_CHARS, PROPERTIES_CHARS, TAG_CHARS, NAME_CHARS = 255, 65_535, 255, 255


class ImageStatus(StrEnum):
    """The status words of the image API that Busway uses."""

    QUEUED = "queued"
    UPLOADING = "uploading"  # its data is staged, and not checked yet
    IMPORTING = "importing"  # its data is fetched, checked or converted
    ACTIVE = "active"
    DEACTIVATED = "deactivated"  # its owner or an admin keeps its data from being read and booted


WITH_DATA = frozenset({ImageStatus.ACTIVE, ImageStatus.DEACTIVATED})
NOT_YET = frozenset({ImageStatus.UPLOADING, ImageStatus.IMPORTING})  # data is there, and nobody reads it yet


@dataclass(frozen=True, slots=True)
class Image:
    """An image; `size` is in bytes of the file, `virtual_size` in bytes of the disk that it describes."""

    id: ImageId
    name: str | None
    status: ImageStatus
    owner: ProjectId
    created: datetime
    updated: datetime
    visibility: str = "shared"
    disk_format: str | None = None
    container_format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    hash_algo: str | None = None  # of HASHES
    hash_value: str | None = None
    min_disk: int = 0  # GiB
    min_ram: int = 0  # MiB
    protected: bool = False
    hidden: bool = False
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    deleted: datetime | None = None
    stores: tuple[str, ...] = ()  # those that have the data; a store that is not configured any more among them
    importing_to: tuple[str, ...] | None = None  # the stores that an import fills now; None before the first import
    failed_import: tuple[str, ...] | None = None  # those that the last import could not fill
    disk_of: ServerId | None = (
        None  # the shelved server whose disk it is: where that is off its host, there is no other
    )

    @property
    def stored_bytes(self) -> int:
        """The bytes of all copies of the data together, which is what quotas count."""
        return (self.size or 0) * len(self.stores)

    def is_visible_to(self, caller: Caller) -> bool:
        """True when the caller may see and boot it without being a member."""
        return self.visibility in ("public", "community") or caller.may_see(self.owner)


def check_name(name: str) -> None:
    """Raises `Forbidden` for a property that no user may set or remove."""
    if name.startswith(RESERVED):
        raise Forbidden(
            f"Attribute '{name}' is reserved.",
            detail=f"Names that begin with {RESERVED} are for what the image service itself says of an import.",
            remedy="Choose another name.",
            code="image-reserved",
        )


def check_is_no_disk(image: Image) -> None:
    """Raises `Conflict` for the disk of a shelved server, which would be lost without it.

    Nova lets its image go, and the server is lost: `unshelve` ends in ERROR (nova/compute/manager.py, `_unshelve_instance`).
    """
    if image.disk_of is not None and image.deleted is None:
        raise Conflict(
            f"Image {image.id} is the disk of the shelved server {image.disk_of}",
            detail="The server would be lost without it. It goes when the server runs again or is deleted.",
            remedy=f"openstack server unshelve {image.disk_of}, or openstack server delete {image.disk_of}",
            code="image-of-shelved-server",
        )


def no_locations() -> Forbidden:
    """Returns the error for who asks where an image's data lies, or would set it."""
    return Forbidden(
        "The location of an image's data is neither shown nor set",
        detail="Where data lies is the operator's: Glance's show_multiple_locations is off, and its locations of version 2.17 are not there.",
        remedy="Upload the data (openstack image create --file FILE NAME), or have it fetched where the operator allows the "
        "host: openstack image import --method web-download --uri URL IMAGE",
        code="image-locations",
    )


def check_properties(image: Image) -> None:
    """Raises `TooLarge` for more properties or tags than an image may have, `BadInput` for one that is too long."""
    for what, found, most in (("properties", image.properties, MOST_PROPERTIES), ("tags", image.tags, MOST_TAGS)):
        if len(found) > most:
            raise TooLarge(
                f"An image may have {most} {what}; these are {len(found)}", remedy="Remove some.", code="image-limit"
            )
    names = [("name", image.name or "", NAME_CHARS), *(("tag", tag, TAG_CHARS) for tag in image.tags)]
    names += [("property's name", name, PROPERTY_NAME_CHARS) for name in image.properties]
    for what, text, most in names:
        if len(text) > most:
            raise BadInput(
                f"An image's {what} may have {most} characters; '{text[:40]}…' has {len(text)}", code="image-limit"
            )
    total = sum(len(name) + len(value) for name, value in image.properties.items())
    if total > PROPERTIES_CHARS:
        raise TooLarge(
            f"The properties of an image may have {PROPERTIES_CHARS} characters together; these have {total}",
            remedy="Shorten them: put large data into the image itself or into user data.",
            code="image-limit",
        )


def check_formats(image: Image) -> None:
    """Raises `BadInput` for an image that can't get data, because its formats are missing or none that data comes in."""
    if image.disk_format is None or image.container_format is None:
        raise BadInput(
            f"Image {image.id} has no disk_format or container_format",
            remedy=f"openstack image set --disk-format qcow2 --container-format bare {image.id}",
            code="image-format-missing",
        )
    if image.container_format not in DATA_CONTAINERS:
        raise BadInput(
            f"Image {image.id} is declared to be in a container ({image.container_format}), and data comes without one",
            detail="The data of an image is a disk, and nothing unpacks it.",
            remedy=f"Unpack it, and: openstack image set --container-format bare {image.id}",
            code="image-container-format",
        )


def check_header(disk_format: str, header: bytes, size: int) -> int:
    """Checks the first `HEADER_BYTES` of a file against its declared format; returns the virtual size in bytes.

    A qcow2 that names another file (a backing file, an external data file) is refused: the host would open it.
    """
    is_qcow2 = header[:4] == MAGIC
    if disk_format == "raw":
        if is_qcow2:
            raise _wrong_format("The data is qcow2 but the image was declared raw", "--disk-format qcow2")
        return size
    if not is_qcow2:
        found = header[:4].hex(" ") or "nothing"
        raise _wrong_format(
            "The data is not qcow2 as the image was declared",
            "--disk-format raw, or convert it: qemu-img convert -O qcow2 IN OUT",
            f"It begins with {found}; a qcow2 file begins with {MAGIC.hex(' ')}.",
        )
    return _check_qcow2(header)


def _check_qcow2(header: bytes) -> int:
    found = read_qcow2(header)
    if found.names_other_file:
        raise BadInput(
            "The qcow2 file depends on another file",
            detail=f"Reason: {found.unfit}. A host must not open it for a guest: backing files and external data "
            "files are not allowed.",
            remedy="Flatten it: qemu-img convert -O qcow2 IN OUT, then upload OUT.",
            code="image-not-standalone",
        )
    if found.unfit:
        raise BadInput(
            "The qcow2 file can't be used",
            detail=f"Reason: {found.unfit}.",
            remedy="Convert it: qemu-img convert -O qcow2 IN OUT, then upload OUT.",
            code="image-unfit",
        )
    return found.virtual_size


def _wrong_format(brief: str, give: str, detail: str = "") -> BadInput:
    return BadInput(brief, detail=detail, remedy=f"Create the image again with {give}.", code="image-format")
