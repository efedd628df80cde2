"""The compute API's images, up to 2.35, and their metadata, up to 2.38; the image API has more details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from busway.api.answer import wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.compute.answers import BRIEF_IMAGE, IMAGE, METADATA, NEXT
from busway.api.compute.links import limit_of, next_link, self_links
from busway.api.encoding import nova_time
from busway.api.operation import Operation
from busway.api.schema import PAGE, STRING_MAP, WORD, Definition, as_moment, wrapped
from busway.control.images import catalogue
from busway.domain.errors import BadInput, NotFound
from busway.domain.image import Image, ImageStatus
from busway.store.image_list import Condition, ImageFilter

ROOT = "/compute/v2.1/images"
_LAST, _LAST_METADATA = 35, 38
_STATUSES = {"ACTIVE": ("active",), "SAVING": ("queued",), "UNKNOWN": ()}
_METADATA = wrapped("metadata", STRING_MAP)
_ITEM = wrapped("meta", {**STRING_MAP, "minProperties": 1, "maxProperties": 1})
_FILTERS = ("name", "status", "server", "type", "minDisk", "minRam", "changes-since")
QUERY: Definition = {**PAGE, **dict.fromkeys(_FILTERS, WORD)}


def _links(call: Call, image: Image) -> list[dict[str, str]]:
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": call.url(f"/image/images/{image.id}"),
    }
    return [*self_links(call, f"images/{image.id}"), alternate]


def _brief(call: Call, image: Image) -> dict[str, object]:
    return {"id": image.id, "name": image.name, "links": _links(call, image)}


def _full(call: Call, image: Image) -> dict[str, object]:
    is_active = image.status is ImageStatus.ACTIVE
    body: dict[str, object] = {
        **_brief(call, image),
        "status": "ACTIVE" if is_active else "SAVING",
        "progress": 100 if is_active else 25,
        "minDisk": image.min_disk,
        "minRam": image.min_ram,
        "metadata": dict(image.properties),
        "created": nova_time(image.created),
        "updated": nova_time(image.updated),
        "OS-EXT-IMG-SIZE:size": image.size or 0,
        "OS-DCF:diskConfig": "MANUAL",
    }
    if server := image.properties.get("instance_uuid"):
        body["server"] = {"id": server, "links": self_links(call, f"servers/{server}")}
    return body


def _filter(call: Call) -> ImageFilter:
    conditions = []
    for name, field in (("name", "name"), ("minDisk", "min_disk"), ("minRam", "min_ram")):
        if (text := call.text(name)) is not None:
            conditions.append(Condition(field, (text,)))
    if (status := call.text("status")) is not None:
        conditions.append(Condition("status", _STATUSES.get(status.upper(), ("-",))))
    if (server := call.text("server")) is not None:
        conditions.append(Condition("instance_uuid", (server.rpartition("/")[2],)))
    if (kind := call.text("type")) is not None:
        conditions.append(Condition("image_type", (kind,)))
    since = as_moment(call.text("changes-since"), "changes-since")
    return ImageFilter(
        conditions=tuple(conditions), changes_since=since, limit=limit_of(call), marker=call.text("marker")
    )


def _listing(path: str, row: Callable[[Call, Image], dict[str, object]]) -> Callable[[Call], Reply]:
    def handler(call: Call) -> Reply:
        wanted = _filter(call)
        found = catalogue.list_images(call.control, call.caller, wanted) if wanted.limit else []
        body: dict[str, object] = {"images": [row(call, image) for image in found]}
        if found and len(found) == call.number("limit"):
            body["images_links"] = next_link(call, path, found[-1].id)
        return Reply(body)

    return handler


def _show(call: Call) -> Reply:
    return Reply({"image": _full(call, catalogue.get_image(call.control, call.caller, call.path["id"]))})


def _delete(call: Call) -> Reply:
    catalogue.delete_image(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _properties(call: Call) -> Mapping[str, str]:
    return catalogue.get_image(call.control, call.caller, call.path["id"]).properties


def _changed(call: Call, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Mapping[str, str]:
    made = catalogue.change_image(
        call.control, call.caller, call.path["id"], lambda image: replace(image, properties=change(image.properties))
    )
    return made.properties


def _metadata(call: Call) -> Reply:
    return Reply({"metadata": dict(_properties(call))})


def _add(call: Call) -> Reply:
    return Reply({"metadata": dict(_changed(call, lambda held: {**held, **call.body["metadata"]}))})


def _replace(call: Call) -> Reply:
    return Reply({"metadata": dict(_changed(call, lambda _held: dict(call.body["metadata"])))})


def _item(call: Call) -> Reply:
    return Reply({"meta": {call.path["key"]: _one(call, _properties(call))}})


def _one(call: Call, held: Mapping[str, str]) -> str:
    if call.path["key"] not in held:
        raise NotFound(f"Metadata item '{call.path['key']}' was not found", code="metadata-not-found")
    return held[call.path["key"]]


def _set_item(call: Call) -> Reply:
    given = call.body["meta"]
    if call.path["key"] not in given:
        raise BadInput("Request body and URI mismatch", remedy="Use the same key in both.", code="invalid-body")
    _changed(call, lambda held: {**held, **given})
    return Reply({"meta": given})


def _delete_item(call: Call) -> Reply:
    def without(held: Mapping[str, str]) -> Mapping[str, str]:
        _one(call, held)
        return {name: value for name, value in held.items() if name != call.path["key"]}

    _changed(call, without)
    return NO_CONTENT


_META = f"{ROOT}/{{id}}/metadata"
OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _listing(ROOT, _brief),
        until=_LAST,
        query=QUERY,
        rule="get_images",
        answer=wrap_list("images", BRIEF_IMAGE, images_links=NEXT),
    ),
    Operation(
        "GET",
        f"{ROOT}/detail",
        _listing(f"{ROOT}/detail", _full),
        until=_LAST,
        query=QUERY,
        rule="get_images",
        answer=wrap_list("images", IMAGE, images_links=NEXT),
    ),
    Operation("GET", f"{ROOT}/{{id}}", _show, until=_LAST, rule="get_image", answer=wrap("image", IMAGE)),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, until=_LAST, rule="delete_image"),
    Operation("GET", _META, _metadata, until=_LAST_METADATA, rule="get_image", answer=wrap("metadata", METADATA)),
    Operation(
        "POST", _META, _add, _METADATA, until=_LAST_METADATA, rule="modify_image", answer=wrap("metadata", METADATA)
    ),
    Operation(
        "PUT", _META, _replace, _METADATA, until=_LAST_METADATA, rule="modify_image", answer=wrap("metadata", METADATA)
    ),
    Operation("GET", f"{_META}/{{key}}", _item, until=_LAST_METADATA, rule="get_image", answer=wrap("meta", METADATA)),
    Operation(
        "PUT",
        f"{_META}/{{key}}",
        _set_item,
        _ITEM,
        until=_LAST_METADATA,
        rule="modify_image",
        answer=wrap("meta", METADATA),
    ),
    Operation("DELETE", f"{_META}/{{key}}", _delete_item, until=_LAST_METADATA, rule="modify_image"),
)
