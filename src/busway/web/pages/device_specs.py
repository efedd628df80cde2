"""Device specs: which devices servers may have, with a preview of what a new one would catch."""

from __future__ import annotations

import json

from starlette.responses import Response

from busway.control.rules.device_specs import list_device_specs
from busway.control.rules.preview import Caught, preview_device_spec
from busway.domain.errors import BuswayError
from busway.web.page import Page, View

_SPECS = "/busway/v1/device-specs"


def _list(view: View, error: BuswayError | None = None, caught: list[Caught] | None = None) -> Response:
    specs, warnings = list_device_specs(view.control, view.caller)
    definition = view.form.text("definition") or _of_ids(view.query("ids"))
    values = {"specs": specs, "warnings": warnings, "caught": caught, "definition": definition}
    return view.render("device_specs.html", error, **values)


def _of_ids(ids: str) -> str:
    vendor, _, product = ids.partition(":")
    return json.dumps({"vendor_id": vendor, "product_id": product}) if product else ""


def _create(view: View) -> Response:
    definition = view.form.text("definition")
    try:
        if view.form.text("deed") == "preview":
            return _list(view, caught=preview_device_spec(view.control, view.caller, definition))
        view.do("POST", _SPECS, {"definition": definition})
    except BuswayError as error:
        return _list(view, error)
    return view.go("/device-specs", "created")


def _delete(view: View) -> Response:
    query = {"version": view.form.text("version")}
    try:
        view.do("DELETE", f"{_SPECS}/{{id}}", query=query, id=view.form.text("id"))
    except BuswayError as error:
        return _list(view, error)
    return view.go("/device-specs", "changed")


PAGES = (
    Page("GET", "/device-specs", _list, rule="busway:device-specs:list"),
    Page("POST", "/device-specs", _create, rule="busway:device-specs:list"),
    Page("POST", "/device-specs/delete", _delete, rule="busway:device-specs:list"),
)
