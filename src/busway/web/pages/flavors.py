"""Flavors: what a server of each gets, its devices in words; a new one with its devices."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from busway.control.flavors import list_flavors
from busway.control.placement.wish import read_wish
from busway.domain.errors import BuswayError
from busway.domain.flavor import Flavor
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
        specs = _specs(view, form.text("devices")) if form.text("devices") else {}
        made = view.do("POST", _FLAVORS, {"flavor": flavor}).body["flavor"]
        if specs:
            _give_specs(view, made["id"], specs)
    except BuswayError as error:
        return _list(view, error)
    return view.go("/flavors", "created")


def _specs(view: View, devices: str) -> Mapping[str, str]:
    return read_wish(view.control, view.caller, devices).extra_specs


def make_flavor(view: View, wanted: Flavor, name: str) -> str:
    """Makes a public flavor of this size with these extra specs, or none; its id."""
    flavor = {"name": name, "vcpus": wanted.vcpus, "ram": wanted.ram_mb, "disk": wanted.disk_gb}
    made = str(view.do("POST", _FLAVORS, {"flavor": flavor}).body["flavor"]["id"])
    _give_specs(view, made, wanted.extra_specs)
    return made


def _give_specs(view: View, flavor_id: str, extra_specs: Mapping[str, str]) -> None:
    try:
        specs = {"extra_specs": dict(extra_specs)}
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
