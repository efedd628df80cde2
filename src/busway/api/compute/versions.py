"""The version documents of the compute API, and its (empty) list of extensions."""

from __future__ import annotations

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


def _list(call: Call) -> Reply:
    v20 = {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": call.url("/compute/v2/")}],
    }
    return Reply({"versions": [v20, _v21(call)]})


def _show(call: Call) -> Reply:
    described = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
    media = [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]
    document = _v21(call)
    return Reply({"version": {**document, "links": [*document["links"], described], "media-types": media}})  # type: ignore[misc]


OPERATIONS = (
    Operation("GET", "/compute", _list, public=True, answer=wrap("versions", VERSIONS)),
    Operation("GET", ROOT, _show, public=True, answer=wrap("version", VERSION)),
)
