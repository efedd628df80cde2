"""Images: the list, a new one's record, and the upload of its data."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.images.catalogue import get_image, list_images
from busway.domain.errors import BuswayError
from busway.domain.image import DISK_FORMATS
from busway.web.page import Page, View

_IMAGE = "/image/v2/images/{id}"


def _list(view: View, error: BuswayError | None = None) -> Response:
    images = sorted(list_images(view.control, view.caller), key=lambda each: (each.name or "", each.id))
    return view.render("images.html", error, images=images, formats=sorted(DISK_FORMATS), form=view.form)


def _create(view: View) -> Response:
    form = view.form
    body = {
        "name": form.text("name"),
        "disk_format": form.text("disk_format"),
        "container_format": "bare",
        "visibility": form.text("visibility") or "private",
    }
    try:
        made = view.do("POST", "/image/v2/images", body)
    except BuswayError as error:
        return _list(view, error)
    return view.go(f"/images/{made.body['id']}/upload")


def _show_upload(view: View) -> Response:
    return view.render("image_upload.html", image=get_image(view.control, view.caller, view.path["id"]))


def _delete(view: View) -> Response:
    try:
        view.do("DELETE", _IMAGE, id=view.path["id"])
    except BuswayError as error:
        return _list(view, error)
    return view.go("/images", "deleted")


PAGES = (
    Page("GET", "/images", _list, rule="get_images"),
    Page("POST", "/images", _create, rule="get_images"),
    Page("GET", "/images/{id}/upload", _show_upload, rule="get_image"),
    Page("POST", "/images/{id}/delete", _delete, rule="get_images"),
)
