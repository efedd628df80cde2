"""Which bytes of an image's data a request asks for: one range of `Range`, or of `Content-Range`, as Glance takes either.

Source: RFC 9110, 14; the statuses of what is refused are Glance's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from busway.domain.errors import BadInput, BadRange

_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,20})-(\d{1,20})/(?:\d{1,20}|\*)")


def range_of(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """The first and the last byte of data of `size` bytes, None for all of it.

    Raises `BadInput` for several ranges at once, `BadRange` for one that is no range or begins behind the end.
    """
    text = headers.get("range")
    if text is not None:
        return _of_range(text.strip(), size)
    text = headers.get("content-range")
    return None if text is None else _of_content_range(text.strip(), size)


def _of_range(text: str, size: int) -> tuple[int, int]:
    if "," in text:
        raise BadInput(
            "The header Range has several ranges",
            detail="One request reads one range.",
            remedy="Make a request for each range.",
            code="image-ranges",
        )
    found = _RANGE.fullmatch(text)
    if found is None or not any(found.groups()):
        raise _bad("Range", text, size)
    first, last = found.groups()
    if not first:  # so many bytes at the end
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if begin > end:
        raise _bad("Range", text, size)
    return begin, end


def _of_content_range(text: str, size: int) -> tuple[int, int]:
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        raise _bad("Content-Range", text, size)
    begin, end = int(found[1]), int(found[2])
    if begin > end or end >= size:
        raise _bad("Content-Range", text, size)
    return begin, end


def _bad(name: str, text: str, size: int) -> BadRange:
    return BadRange(
        f"Invalid {name} header '{text[:80]}'",
        detail=f"The image's data has {size} bytes.",
        remedy=f"Ask for bytes from 0 to {size - 1}, as in Range: bytes=0-{size - 1}",
        code="image-range",
    )
