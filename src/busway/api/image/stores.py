"""Stores: which there are, and the copy of an image in one of them."""

from __future__ import annotations

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.image.answers import STORES, STORES_DETAIL
from busway.api.operation import Operation
from busway.control.images import copies
from busway.control.images.stores import folder_of
from busway.domain.image_store import TYPE, ImageStore


def _body(call: Call, store: ImageStore) -> dict[str, object]:
    described = {"description": store.description} if store.description else {}
    default = {"default": "true"} if store.name == call.control.settings.image_stores.default else {}
    return {"id": store.name, **described, **default, "weight": store.weight}


def _list(call: Call) -> Reply:
    return Reply({"stores": [_body(call, store) for store in call.control.settings.image_stores.stores]})


def _list_detail(call: Call) -> Reply:
    def detail(store: ImageStore) -> dict[str, object]:
        properties = {"data_dir": str(folder_of(call.control, store.name))}
        return {**_body(call, store), "type": TYPE, "properties": properties}

    return Reply({"stores": [detail(store) for store in call.control.settings.image_stores.stores]})


def _delete_copy(call: Call) -> Reply:
    copies.delete_copy(call.control, call.caller, call.path["store"], call.path["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", "/image/v2/info/stores", _list, rule="get_stores", answer=STORES),
    Operation("GET", "/image/v2/info/stores/detail", _list_detail, rule="stores_info_detail", answer=STORES_DETAIL),
    Operation("DELETE", "/image/v2/stores/{store}/{id}", _delete_copy, rule="delete_image_location"),
)
