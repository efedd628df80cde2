"""Key pairs: the list, and a new one, pasted or made here and shown once."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.keypairs import list_keypairs
from busway.domain.errors import BuswayError
from busway.web.page import Page, View

_KEYPAIRS = "/compute/v2.1/os-keypairs"
_LAST_THAT_MAKES = 91  # from 2.92 on a key pair is never made by the cloud


def _list(view: View, error: BuswayError | None = None, private: str = "") -> Response:
    found = list_keypairs(view.control, view.caller)
    return view.render("keypairs.html", error, keypairs=found, private=private, form=view.form)


def _create(view: View) -> Response:
    name, public = view.form.text("name"), view.form.text("public_key")
    body = {"name": name, "type": "ssh", **({"public_key": public} if public else {})}
    try:
        made = view.do("POST", _KEYPAIRS, {"keypair": body}, version=_LAST_THAT_MAKES)
    except BuswayError as error:
        return _list(view, error)
    private = made.body["keypair"].get("private_key", "")
    return _list(view, private=private) if private else view.go("/keypairs", "created")


def _delete(view: View) -> Response:
    try:
        view.do("DELETE", f"{_KEYPAIRS}/{{name}}", name=view.form.text("name"))
    except BuswayError as error:
        return _list(view, error)
    return view.go("/keypairs", "deleted")


PAGES = (
    Page("GET", "/keypairs", _list, rule="os_compute_api:os-keypairs:index"),
    Page("POST", "/keypairs", _create, rule="os_compute_api:os-keypairs:index"),
    Page("POST", "/keypairs/delete", _delete, rule="os_compute_api:os-keypairs:index"),
)
