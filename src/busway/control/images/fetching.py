"""Data of imports that the control plane downloads itself, into a store, within quota and limits."""

from __future__ import annotations

from collections.abc import Callable

from busway.control.context import Control
from busway.control.images.room import check_quota
from busway.control.images.upload import FetchedUpload
from busway.control.images.web_download import Fetch
from busway.domain.image import Image

Begin = Callable[[int | None], FetchedUpload]


def fetch_url(control: Control, url: str, image: Image, watch: Callable[[], None]) -> Image:
    """Returns an image with the data at a URL that the operator allows."""
    return fetch_data(control, image, lambda begin: Fetch(control.settings.imports, begin, watch).run(url))


def fetch_data(control: Control, image: Image, run: Callable[[Begin], None]) -> Image:
    """Returns an image with the data that `run` downloads into what `begin` gives it; raises `TooLarge` above the quota."""
    taken: list[FetchedUpload] = []

    def begin(expected: int | None) -> FetchedUpload:
        with control.db.read() as tx:
            check_quota(control, tx, image, expected or 1)
        taken.append(FetchedUpload(control, image, expected))
        return taken[0]

    try:
        run(begin)
        return taken[0].finish()
    finally:
        for upload in taken:
            upload.abort()
