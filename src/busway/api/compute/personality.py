"""`personality`: the files that a request below microversion 2.57 puts into a guest.

They are on its config drive under openstack/content, and `meta_data.json` says where each goes, which cloud-init does. Source:
Nova's schemas (nova/api/openstack/compute/schemas/servers.py) and nova/api/metadata/base.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.schema import Definition, closed
from busway.domain.requests import GivenFile
from busway.domain.user_data import decode_base64

FILES: Definition = {
    "type": "array",
    "maxItems": 1024,
    "items": closed(
        {
            "path": {"type": "string", "minLength": 1, "maxLength": 4096},
            "contents": {"type": "string", "maxLength": 262_144},
        },
        "path",
        "contents",
    ),
}


def files_of(given: Mapping[str, Any]) -> tuple[GivenFile, ...]:
    """The files of a checked body; raises `BadInput` for one that is not base64."""
    files = tuple(GivenFile(each["path"], each["contents"]) for each in given.get("personality", ()))
    for each in files:
        decode_base64(each.contents, f"The content of the file {each.path}")
    return files
