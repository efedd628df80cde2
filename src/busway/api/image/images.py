"""Images: register, list, show, change by JSON patch, delete."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.image.answers import IMAGE, IMAGES
from busway.api.image.filters import QUERY, image_filter, next_page
from busway.api.image.patch import PATCH, PATCH_TYPE, READ_ONLY, check_patch_type, patched
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, NATURAL, Schema, as_bool, as_int
from busway.control.images import catalogue as images
from busway.control.images.importing import methods_of
from busway.domain.errors import BadInput
from busway.domain.ids import ImageId, ProjectId
from busway.domain.image import MOST_TAGS, NOT_YET, WITH_DATA, Image, ImageStatus, check_name
from busway.domain.image_store import ImageStores

ROOT = "/image/v2/images"
_CREATE = Schema(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string", "maxLength": 36},
            "name": {"type": ["string", "null"], "maxLength": 255},
            "disk_format": {"type": ["string", "null"], "maxLength": 20},
            "container_format": {"type": ["string", "null"], "maxLength": 20},
            "visibility": {"type": "string", "maxLength": 16},
            "protected": BOOLEAN,
            "os_hidden": BOOLEAN,
            "min_disk": NATURAL,
            "min_ram": NATURAL,
            "tags": {"type": "array", "maxItems": MOST_TAGS, "items": {"type": "string", "maxLength": 255}},
            "owner": {"type": "string", "minLength": 1, "maxLength": 64},
        },
        "additionalProperties": {"type": ["string", "null"]},
    }
)
_OWN = frozenset(_CREATE.definition["properties"])


def image_body(image: Image, stores: ImageStores) -> dict[str, object]:
    """An image as the image API shows it; custom properties stand beside the others, and no digests of data before it is imported."""
    if image.status in NOT_YET:
        image = replace(image, md5=None, hash_algo=None, hash_value=None)
    return {
        **_stores(image, stores),
        **image.properties,
        "id": image.id,
        "name": image.name,
        "status": image.status,
        "visibility": image.visibility,
        "owner": image.owner,
        "protected": image.protected,
        "os_hidden": image.hidden,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "checksum": image.md5,
        "os_hash_algo": image.hash_algo,
        "os_hash_value": image.hash_value,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "tags": list(image.tags),
        "created_at": nova_time(image.created),
        "updated_at": nova_time(image.updated),
        "self": f"/v2/images/{image.id}",
        "file": f"/v2/images/{image.id}/file",
        "schema": "/v2/schemas/image",
    }


def _stores(image: Image, stores: ImageStores) -> dict[str, str]:
    """The stores that have the data of an image, as Glance tells them, and how far its last import into stores is."""
    told = {"os_glance_importing_to_stores": image.importing_to, "os_glance_failed_import": image.failed_import}
    shown = {name: ",".join(stores.in_order(named)) for name, named in told.items() if named is not None}
    if image.status in WITH_DATA:
        shown["stores"] = ",".join(stores.in_order(image.stores))
    return shown


def _body(call: Call, image: Image) -> dict[str, object]:
    return image_body(image, call.control.settings.image_stores)


def _create(call: Call) -> Reply:
    given: dict[str, Any] = call.body
    refused = sorted(READ_ONLY & set(given))
    if refused:
        raise BadInput(f"Attribute '{refused[0]}' is read-only.", code="image-read-only")
    for name in given:
        check_name(name)
    now = call.control.now()
    image = Image(
        id=_image_id(call, given.get("id")),
        name=given.get("name"),
        status=ImageStatus.QUEUED,
        owner=ProjectId(given.get("owner", call.caller.project_id)),
        created=now,
        updated=now,
        visibility=given.get("visibility", "shared"),
        disk_format=given.get("disk_format"),
        container_format=given.get("container_format"),
        min_disk=as_int(given.get("min_disk", 0), "min_disk"),
        min_ram=as_int(given.get("min_ram", 0), "min_ram"),
        protected=as_bool(given.get("protected", False), "protected"),
        hidden=as_bool(given.get("os_hidden", False), "os_hidden"),
        tags=tuple(dict.fromkeys(given.get("tags", ()))),
        properties={key: value for key, value in given.items() if key not in _OWN and value is not None},
    )
    made = images.create_image(call.control, call.caller, image)
    return Reply(_body(call, made), 201, {"Location": call.url(f"{ROOT}/{made.id}"), **_methods(call)})


def _methods(call: Call) -> dict[str, str]:
    """How the data of a new image may come, as Glance tells it."""
    return {
        "OpenStack-image-import-methods": ",".join(methods_of(call.control)),
        "OpenStack-image-store-ids": ",".join(call.control.settings.image_stores.names),
    }


def _image_id(call: Call, given: str | None) -> ImageId:
    if given is None:
        return ImageId(call.control.new_id())
    try:
        return ImageId(str(uuid.UUID(given)))
    except ValueError as error:
        raise BadInput(f"Image ID '{given}' is not a UUID", code="image-id") from error


def _list(call: Call) -> Reply:
    wanted = image_filter(call)
    found = images.list_images(call.control, call.caller, wanted) if wanted.limit else []
    body: dict[str, object] = {
        "images": [_body(call, image) for image in found],
        "first": "/v2/images",
        "schema": "/v2/schemas/images",
    }
    if (following := next_page(call, found, wanted)) is not None:
        body["next"] = following
    return Reply(body)


def _show(call: Call) -> Reply:
    return Reply(_body(call, images.get_image(call.control, call.caller, call.path["id"])))


def _change(call: Call) -> Reply:
    check_patch_type(call.headers.get("content-type", ""))
    changed = images.change_image(call.control, call.caller, call.path["id"], lambda image: patched(image, call.body))
    return Reply(_body(call, changed))


def _delete(call: Call) -> Reply:
    images.delete_image(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _deactivate(call: Call) -> Reply:
    images.set_active(call.control, call.caller, call.path["id"], active=False)
    return NO_CONTENT


def _reactivate(call: Call) -> Reply:
    images.set_active(call.control, call.caller, call.path["id"], active=True)
    return NO_CONTENT


def tagged(call: Call, tags: tuple[str, ...]) -> Image:
    """Replaces an image's tags."""
    return images.change_image(call.control, call.caller, call.path["id"], lambda image: replace(image, tags=tags))


OPERATIONS = (
    Operation("GET", ROOT, _list, query=QUERY, rule="get_images", answer=IMAGES),
    Operation("POST", ROOT, _create, _CREATE, rule="add_image", answer=IMAGE),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="get_image", answer=IMAGE),
    Operation("PATCH", f"{ROOT}/{{id}}", _change, PATCH, media_type=PATCH_TYPE, rule="modify_image", answer=IMAGE),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="delete_image"),
    Operation("POST", f"{ROOT}/{{id}}/actions/deactivate", _deactivate, rule="deactivate"),
    Operation("POST", f"{ROOT}/{{id}}/actions/reactivate", _reactivate, rule="reactivate"),
)
