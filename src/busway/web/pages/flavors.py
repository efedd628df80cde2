"""Flavors: what a server of each gets, its devices in words; a new one with its devices."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.flavors import list_flavors
from busway.domain.alias import ALIAS_EXTRA_SPEC
from busway.domain.errors import BuswayError
from busway.web.page import Page, View
from busway.web.words import devices_in_words

_FLAVORS = "/compute/v2.1/flavors"


def _list(view: View, error: BuswayError | None = None) -> Response:
    flavors = list_flavors(view.control, view.caller, None)
    devices = {flavor.id: devices_in_words(flavor) for flavor in flavors}
    return view.render("flavors.html", error, flavors=flavors, devices=devices, form=view.form)


def _create(view: View) -> Response:
    """Makes the flavor, and then gives it its devices; where those are refused, the flavor goes again."""
    form = view.form
    try:
        flavor = {
            "name": form.text("name"),
            "vcpus": form.number("vcpus"),
            "ram": form.number("ram"),
            "disk": form.number("disk"),
            "os-flavor-access:is_public": bool(form.text("public")),
        }
        made = view.do("POST", _FLAVORS, {"flavor": flavor}).body["flavor"]
        if form.text("devices"):
            _give_devices(view, made["id"], form.text("devices"))
    except BuswayError as error:
        return _list(view, error)
    return view.go("/flavors", "created")


def _give_devices(view: View, flavor_id: str, devices: str) -> None:
    try:
        specs = {"extra_specs": {ALIAS_EXTRA_SPEC: devices}}
        view.do("POST", f"{_FLAVORS}/{{id}}/os-extra_specs", specs, id=flavor_id)
    except BuswayError:
        view.do("DELETE", f"{_FLAVORS}/{{id}}", id=flavor_id)
        raise


def _delete(view: View) -> Response:
    try:
        view.do("DELETE", f"{_FLAVORS}/{{id}}", id=view.form.text("id"))
    except BuswayError as error:
        return _list(view, error)
    return view.go("/flavors", "deleted")


PAGES = (
    Page("GET", "/flavors", _list, rule="os_compute_api:flavors"),
    Page("POST", "/flavors", _create, rule="os_compute_api:flavors"),
    Page("POST", "/flavors/delete", _delete, rule="os_compute_api:flavors"),
)
