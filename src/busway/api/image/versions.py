"""The version document of the image API."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.image.answers import VERSIONS
from busway.api.operation import Operation


def _versions(call: Call) -> list[dict[str, object]]:
    # 2.11 copies an image to another store. 2.14 and 2.16 are of a cache, which a Glance without one does not announce either;
    # 2.17 lets users set locations.
    copies = (11,) if call.control.settings.image_stores.several else ()
    numbers = (15, 13, 12, *copies, *range(10, -1, -1))
    return [
        {
            "id": f"v2.{number}",
            "status": "CURRENT" if number == numbers[0] else "SUPPORTED",
            "links": [{"rel": "self", "href": call.url("/image/v2/")}],
        }
        for number in numbers
    ]


def _list(call: Call) -> Reply:
    return Reply({"versions": _versions(call)}, 300)


def _list_200(call: Call) -> Reply:
    return Reply({"versions": _versions(call)})


OPERATIONS = (
    Operation("GET", "/image", _list, public=True, answer=VERSIONS),
    Operation("GET", "/image/v2", _list, public=True, answer=VERSIONS),
    Operation("GET", "/image/versions", _list_200, public=True, answer=VERSIONS),
)
