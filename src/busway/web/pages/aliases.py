"""Aliases: the names by which flavors ask for devices, with a preview of what a new one would mean."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.rules.aliases import list_aliases
from busway.control.rules.preview import Caught, preview_alias
from busway.domain.errors import BuswayError
from busway.web.page import Page, View

_ALIASES = "/busway/v1/aliases"


def _list(view: View, error: BuswayError | None = None, caught: list[Caught] | None = None) -> Response:
    aliases, warnings = list_aliases(view.control, view.caller)
    values = {"aliases": aliases, "warnings": warnings, "caught": caught, "definition": view.form.text("definition")}
    return view.render("aliases.html", error, **values)


def _create(view: View) -> Response:
    definition = view.form.text("definition")
    try:
        if view.form.text("deed") == "preview":
            return _list(view, caught=preview_alias(view.control, view.caller, definition))
        view.do("POST", _ALIASES, {"definitions": [definition]})
    except BuswayError as error:
        return _list(view, error)
    return view.go("/aliases", "created")


def _delete(view: View) -> Response:
    query = {"version": view.form.text("version")}
    try:
        view.do("DELETE", f"{_ALIASES}/{{name:path}}", query=query, name=view.form.text("name"))
    except BuswayError as error:
        return _list(view, error)
    return view.go("/aliases", "changed")


PAGES = (
    Page("GET", "/aliases", _list, rule="busway:aliases:list"),
    Page("POST", "/aliases", _create, rule="busway:aliases:list"),
    Page("POST", "/aliases/delete", _delete, rule="busway:aliases:list"),
)
