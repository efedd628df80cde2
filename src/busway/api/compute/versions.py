"""The version documents of the compute API, and its (empty) list of extensions."""

from __future__ import annotations

from typing import Any

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.compute.answers import VERSION, VERSIONS
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.api.operation import Operation

ROOT = "/compute/v2.1"


def _v21(call: Call) -> dict[str, object]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": f"2.{MAXIMUM}",
        "min_version": f"2.{MINIMUM}",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": call.url(f"{ROOT}/")}],
    }


def _v20(call: Call) -> dict[str, object]:
    """The API before microversions: its paths are served as those of 2.1."""
    return {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": call.url("/compute/v2/")}],
    }


def _list(call: Call) -> Reply:
    return Reply({"versions": [_v20(call), _v21(call)]})


def _show(call: Call) -> Reply:
    return _whole(_v21(call), "2.1")


def _show_old(call: Call) -> Reply:
    return _whole(_v20(call), "2")


def _whole(document: dict[str, Any], media: str) -> Reply:
    described = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
    kinds = [{"base": "application/json", "type": f"application/vnd.openstack.compute+json;version={media}"}]
    return Reply({"version": {**document, "links": [*document["links"], described], "media-types": kinds}})


OPERATIONS = (
    Operation("GET", "/compute", _list, public=True, answer=wrap("versions", VERSIONS)),
    Operation("GET", ROOT, _show, public=True, answer=wrap("version", VERSION)),
    Operation("GET", "/compute/v2", _show_old, public=True, answer=wrap("version", VERSION)),
)
