"""Under which conditions an image's data is read: by its ETag, as RFC 9110, 13 has them."""

from __future__ import annotations

from collections.abc import Mapping

from busway.domain.errors import PreconditionFailed


def is_known(headers: Mapping[str, str], tag: str) -> bool:
    """True when the client has the data with this ETag already; raises `PreconditionFailed` when it wants no other than it knows."""
    wanted = headers.get("if-match")
    if wanted is not None and not _names(wanted, tag):
        raise PreconditionFailed(
            f"The data of the image has the ETag {tag}",
            detail=f"If-Match asks for {wanted[:80]}.",
            remedy="Omit the header, or read all of the data again.",
        )
    known = headers.get("if-none-match")
    return known is not None and _names(known.replace("W/", ""), tag)


def _names(tags: str, tag: str) -> bool:
    return tags.strip() == "*" or tag in (each.strip() for each in tags.split(","))
