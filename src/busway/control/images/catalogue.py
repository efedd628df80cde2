"""The use cases of images, without the upload of data (`upload`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busway.control import quotas
from busway.control.context import Control
from busway.control.images.access import may_see, target_of
from busway.control.images.room import check_quota
from busway.domain.caller import Caller
from busway.domain.disk_formats import ALL_FORMATS
from busway.domain.errors import BadInput, Conflict, Forbidden
from busway.domain.image import (
    CONTAINER_FORMATS,
    VISIBILITIES,
    Image,
    ImageStatus,
    check_is_no_disk,
    check_properties,
)
from busway.domain.quota import Usage
from busway.policy import authorize
from busway.store import images as store
from busway.store.database import Tx
from busway.store.image_list import ImageFilter, list_page

EVERY_IMAGE = ImageFilter()
DATA = "image-data"  # the turn of whoever gives a row its data, or forgets data that no row has


def create_image(control: Control, caller: Caller, image: Image) -> Image:
    """Creates an image without data, in status queued; only an admin may create one for another project."""
    made = replace(image, status=ImageStatus.QUEUED, created=control.now(), updated=control.now())
    _check_owner(caller, made.owner)
    authorize(caller, "add_image", {"project_id": made.owner, "owner": made.owner})
    check_properties(made)
    _check(caller, made)
    with control.db.write() as tx:
        if store.find_image(tx, made.id) is not None:
            raise Conflict(f"Image ID {made.id} already exists", code="image-exists")
        quotas.check(control, tx, made.owner, Usage({"image_count_total": 1}))
        store.add_image(tx, made)
    return made


def list_images(control: Control, caller: Caller, wanted: ImageFilter = EVERY_IMAGE) -> list[Image]:
    """Lists the images that the caller may see and that match a filter. Community images of others are listed only by id."""
    with control.db.read() as tx:
        return list_page(tx, replace(wanted, project_id=None if caller.is_admin else caller.project_id))


def get_image(control: Control, caller: Caller, image_id: str, rule: str = "get_image") -> Image:
    """Returns one image; raises `NotFound` for a private one of others, `Forbidden` if the rule denies it."""
    with control.db.read() as tx:
        return _visible(tx, caller, image_id, rule)


def change_image(control: Control, caller: Caller, image_id: str, change: Callable[[Image], Image]) -> Image:
    """Replaces an image by what the pure function `change` returns for it; the caller must own it."""
    with control.db.write() as tx:
        old = owned_in(tx, caller, image_id, "modify_image", lock=True)
        new = replace(change(old), updated=control.now())
        frozen = (new.disk_format, new.container_format) != (old.disk_format, old.container_format)
        if frozen or (new.protected and not old.protected):  # it goes with its server, whatever an image says
            check_is_no_disk(old)
        if frozen and old.status is not ImageStatus.QUEUED:
            raise Forbidden("The format of an image with data can't change", remedy="Upload it as a new image.")
        if new.owner != old.owner:
            _check_owner(caller, new.owner)
            quotas.check(control, tx, new.owner, Usage({"image_count_total": 1}))
            check_quota(control, tx, new, new.stored_bytes)
        check_properties(new)
        _check(caller, new, was=old.visibility)
        store.save_image(tx, new)
    return new


def set_active(control: Control, caller: Caller, image_id: str, *, active: bool) -> None:
    """Activates or deactivates an image; running servers are not affected. Raises `Forbidden` for one without data."""
    with control.db.write() as tx:
        image = owned_in(tx, caller, image_id, "reactivate" if active else "deactivate", lock=True)
        if image.status not in (ImageStatus.ACTIVE, ImageStatus.DEACTIVATED):
            raise Forbidden(
                f"Image {image.id} is {image.status}: only an image with data can be deactivated or reactivated",
                remedy="Upload its data first.",
                code="image-no-data",
            )
        status = ImageStatus.ACTIVE if active else ImageStatus.DEACTIVATED
        store.save_image(tx, replace(image, status=status, updated=control.now()))


def delete_image(control: Control, caller: Caller, image_id: str) -> None:
    """Deletes an image; its data stays while servers need it (`purge`). Raises `Conflict` for the disk of a shelved server."""
    with control.db.write() as tx:
        image = owned_in(tx, caller, image_id, "delete_image", lock=True)
        check_is_no_disk(image)
        if image.protected:
            raise Forbidden(
                f"Image {image.id} is protected and cannot be deleted",
                remedy=f"openstack image set --unprotected {image.id}",
                code="image-protected",
            )
        store.mark_image_deleted(tx, image.id, control.now())


def owned_image(control: Control, caller: Caller, image_id: str, rule: str) -> Image:
    """Returns an image that a rule lets the caller change; raises `NotFound` or `Forbidden`."""
    with control.db.read() as tx:
        return owned_in(tx, caller, image_id, rule)


def _visible(tx: Tx, caller: Caller, image_id: str, rule: str, *, lock: bool = False) -> Image:
    image = _seen(tx, caller, image_id, lock=lock)
    authorize(caller, rule, target_of(tx, caller, image))
    return image


def _seen(tx: Tx, caller: Caller, image_id: str, *, lock: bool = False) -> Image:
    image = store.get_image(tx, image_id, lock=lock)
    if not may_see(tx, caller, image):
        raise store.image_not_found(image_id)
    return image


def owned_in(tx: Tx, caller: Caller, image_id: str, rule: str, *, lock: bool = False) -> Image:
    """Returns the same within a transaction; `lock` locks the image until that ends."""
    image = _seen(tx, caller, image_id, lock=lock)
    if not caller.may_see(image.owner):
        raise Forbidden(f"Image {image_id} belongs to another project", code="image-not-owned")
    authorize(caller, rule, target_of(tx, caller, image))
    return image


def _check_owner(caller: Caller, owner: str) -> None:
    if owner != caller.project_id and not caller.is_admin:
        raise Forbidden(
            "Only an admin may give an image to another project",
            remedy="Share it with the project: openstack image add project IMAGE PROJECT",
            code="image-owner",
        )


def _check(caller: Caller, image: Image, *, was: str = "") -> None:
    _one_of("disk_format", image.disk_format, ALL_FORMATS, "Convert it: qemu-img convert -O qcow2 IN OUT")
    _one_of("container_format", image.container_format, CONTAINER_FORMATS, "Unpack it and use bare.")
    _one_of("visibility", image.visibility, VISIBILITIES, "")
    if image.visibility == "public" and was != "public":
        authorize(caller, "publicize_image")
    if image.visibility == "community" and was != "community":
        authorize(caller, "communitize_image")


def _one_of(name: str, value: str | None, known: tuple[str, ...], remedy: str) -> None:
    if value is not None and value not in known:
        raise BadInput(
            f"Invalid value '{value}' for {name}",
            detail=f"Busway knows {', '.join(known)}.",
            remedy=remedy,
            code=f"image-{name.replace('_', '-')}",
        )
