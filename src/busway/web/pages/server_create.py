"""The form of a new server: an image, a flavor with its devices in words, a key, networks and user data."""

from __future__ import annotations

import base64
from typing import Any

from starlette.responses import Response

from busway.control.flavors import list_flavors
from busway.control.images.catalogue import list_images
from busway.control.keypairs import list_keypairs
from busway.control.networks import list_networks
from busway.domain.errors import BuswayError
from busway.domain.image import ImageStatus
from busway.web.page import Page, View
from busway.web.words import devices_in_words


def _show(view: View, error: BuswayError | None = None) -> Response:
    form = view.form
    known = choices(view)
    images = known["images"]
    networks = list_networks(view.control, view.caller) if view.may("get_network") else []
    flavors = list_flavors(view.control, view.caller, None)
    values: dict[str, Any] = {
        **known,
        "flavors": flavors,
        "devices": {flavor.id: devices_in_words(flavor) for flavor in flavors},
        "networks": networks,
        "given": {
            "name": form.text("name") or view.query("name"),
            "image": form.text("image") or view.query("image") or (images[0].id if images else ""),
            "flavor": form.text("flavor") or view.query("flavor"),
            "count": form.text("count") or view.query("count") or "1",
            "key": form.text("key"),
            "networks": form.several("network"),
            "user_data": form.raw("user_data"),
        },
    }
    return view.render("server_new.html", error, **values)


def choices(view: View) -> dict[str, Any]:
    """What a form offers for a new server: its images by name, and its user's key pairs."""
    images = [image for image in list_images(view.control, view.caller) if image.status is ImageStatus.ACTIVE]
    return {
        "images": sorted(images, key=lambda each: each.name or each.id),
        "keys": list_keypairs(view.control, view.caller) if view.may("os_compute_api:os-keypairs:index") else [],
    }


def _create(view: View) -> Response:
    try:
        made = view.do("POST", "/compute/v2.1/servers", {"server": server_body(view, view.form.text("flavor"))})
    except BuswayError as error:
        return _show(view, error)
    return view.go(f"/servers/{made.body['server']['id']}", "created")


def server_body(view: View, flavor: str) -> dict[str, object]:
    """A server as a form asks for it, of a flavor."""
    form = view.form
    networks = form.several("network")
    count = form.number("count", 1)
    user_data = form.raw("user_data")
    body: dict[str, object] = {
        "name": form.text("name"),
        "imageRef": form.text("image"),
        "flavorRef": flavor,
        "networks": [{"uuid": each} for each in networks] if networks else "auto",
        "min_count": count,
        "max_count": count,
    }
    if form.text("key"):
        body["key_name"] = form.text("key")
    if user_data.strip():
        body["user_data"] = base64.b64encode(user_data.encode()).decode()
    return body


PAGES = (
    Page("GET", "/servers/new", _show, rule="os_compute_api:servers:create"),
    Page("POST", "/servers/new", _create),
)
