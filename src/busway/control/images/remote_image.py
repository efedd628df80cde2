"""Copies an image of another region (`glance-download`): its description, then its data, from that region's image service.

The address comes from the catalog, so it may be private. The token is the one of the user who asked, so the other region gives what
it would give that user. It goes to that endpoint alone: redirects are not followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from busway.control.context import Control
from busway.control.identity.service_catalog import catalog
from busway.control.identity.vault import other_key, sealer
from busway.control.images.data import digests_of
from busway.control.images.fetching import fetch_data
from busway.control.images.stores import image_path
from busway.control.images.web_download import SECONDS, Fetch, Taker
from busway.domain.errors import BadInput
from busway.domain.image import Image
from busway.domain.image_hash import HASHES
from busway.domain.image_task import ImageTask
from busway.domain.import_rules import ImportRules
from busway.domain.remote_image import DESCRIPTION_BYTES, Description, RemoteImage, read_description, read_remote
from busway.domain.service_catalog import Endpoint

_DESCRIPTION_SECONDS = 60.0
_MOST_NAMED = 20
_REMEDY = "Check the image's id, its region, and that your token may read it there; then import the image again."


def fetch_remote(control: Control, task: ImageTask, image: Image, watch: Callable[[], None]) -> tuple[Image, Image]:
    """Returns the image with the data of the one that a task names, as its row is now and as the other region describes it.

    Data that an earlier run has fetched is only compared. Raises `BadInput` for a region or image that is not there, and for
    data that is not what the region says.
    """
    source = _Source(control, task, watch)
    description = source.describe()
    description.of(image)  # refused before anything is fetched
    if image.sha256 is None:
        image = fetch_data(control, image, lambda begin: source.get("/file", begin))
    _check_same(control, image, description, watch)
    return image, description.of(image)


class _Source:
    """The image service of the other region, as the user who asked reaches it."""

    def __init__(self, control: Control, task: ImageTask, watch: Callable[[], None]) -> None:
        remote = read_remote(task.given["method"])
        self._prefixes = control.settings.copied_properties
        self._watch = watch
        self._url = f"{_endpoint(control, task, remote)}/v2/images/{remote.id}"
        self._rules = ImportRules.of_endpoint(self._url)
        self._headers = {"X-Auth-Token": _token(control, task)}
        self._ca = control.authority.ca if control.authority is not None else ""

    def describe(self) -> Description:
        """Asks what the image is."""
        page = _Page()
        self.get("", lambda _expected: page, _DESCRIPTION_SECONDS)
        return read_description(bytes(page.data), self._prefixes)

    def get(self, path: str, begin: Callable[[int | None], Taker], seconds: float = SECONDS) -> None:
        """Fetches what is below the image's URL."""
        Fetch(
            self._rules,
            begin,
            self._watch,
            seconds,
            headers=self._headers,
            most_redirects=0,
            ca=self._ca,
            remedy=_REMEDY,
        ).run(self._url + path)


@dataclass
class _Page:
    """Takes an answer that is small."""

    data: bytearray = field(default_factory=bytearray)

    def write(self, piece: bytes) -> None:
        """Appends data; raises `BadInput` above `DESCRIPTION_BYTES`."""
        self.data += piece
        if len(self.data) > DESCRIPTION_BYTES:
            raise BadInput(
                f"The other region describes the image in more than {DESCRIPTION_BYTES} bytes",
                remedy=_REMEDY,
                code="image-import-remote",
            )


def _endpoint(control: Control, task: ImageTask, remote: RemoteImage) -> str:
    """Returns the URL of the image service in the region, without a version; raises `BadInput` with those that there are."""
    known = [
        endpoint
        for service, endpoints in catalog(control, task.owner, task.user_id)
        if service.type == "image"
        for endpoint in endpoints
    ]
    for each in known:
        if (each.region_id, each.interface) == (remote.region, remote.interface):
            return each.url.rstrip("/").removesuffix("/v2")
    raise BadInput(
        f"The catalog has no image service in region {remote.region} with the interface {remote.interface}",
        detail=f"There is {_named(known) or 'none'}.",
        remedy="Name one of these: openstack image import --method glance-download --remote-region REGION --remote-service-interface public ...",
        code="image-import-region",
    )


def _named(known: list[Endpoint]) -> str:
    names = sorted({f"{each.region_id} ({each.interface})" for each in known})
    return ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )


def _token(control: Control, task: ImageTask) -> str:
    try:
        return sealer(control).unseal(task.secret, task.id)
    except ValueError as error:
        raise other_key(str(error)) from error


def _check_same(control: Control, image: Image, told: Description, watch: Callable[[], None]) -> None:
    """Raises `BadInput` unless data has the size and the digests that the other region tells."""
    if image.size != told.size:
        raise _other_data(f"it has {image.size} bytes, and the region says {told.size}")
    if told.checksum is not None and told.checksum != image.md5:
        raise _other_data(f"its MD5 is {image.md5}, and the region says {told.checksum[:64]}")
    if told.hash_algo is None or told.hash_value is None:
        return
    if told.hash_algo not in HASHES:
        raise _other_data(f"the region tells its {told.hash_algo[:40]}, which Busway does not compute")
    known = {image.hash_algo: image.hash_value, "sha256": image.sha256}
    own = known.get(told.hash_algo) or digests_of(image_path(control, image), told.hash_algo, watch).hash_value
    if own != told.hash_value:
        raise _other_data(f"its {told.hash_algo} is {own}, and the region says {told.hash_value[:128]}")


def _other_data(why: str) -> BadInput:
    return BadInput(
        "The data that came is not the other region's image",
        detail=f"Reason: {why}.",
        remedy="Import it again; if it stays so, the data there is damaged.",
        code="image-import-remote",
    )
