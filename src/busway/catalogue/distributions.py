"""Cloud images from the distributions' own sites, for users without a catalogue.

`distributions.json` lists them. An image is compared with the checksum that its site publishes; the list of checksums comes by
HTTPS only, so it is the site that is trusted. Debian's are of the kind `generic`: the kernel of `genericcloud` has no drivers for
hardware (https://cloud.debian.org/images/cloud/).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import httpx
import msgspec

from busway.catalogue.document import Choice, Item, no_architecture, no_product, properties_of
from busway.catalogue.mirror import Offer, Source, unreachable
from busway.domain.errors import Forbidden, HostError

_MOST_CHECKSUMS = 1024**2
_DIGITS = (64, 128)  # of a SHA-256 and a SHA-512
_GNU = re.compile(r"([0-9a-f]{64,128}) [ *](.+)")
_BSD = re.compile(r"SHA(?:256|512) \((.+)\) = ([0-9a-f]{64,128})")


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The URLs of an image and of the list with its checksum."""

    image: str
    checksums: str


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A system with its newest image for each architecture; `min_disk` is in GiB, `min_ram` in MiB."""

    title: str
    properties: dict[str, str]
    min_disk: int
    min_ram: int
    images: dict[str, Place]
    aliases: tuple[str, ...] = ()


@cache
def known_distributions() -> dict[str, Distribution]:
    """The distributions that Busway knows, by name."""
    text = files("busway.catalogue").joinpath("distributions.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Distribution])


class Distributions(Source):
    """The distributions' sites; use it as a context."""

    def __init__(self, known: dict[str, Distribution] | None = None) -> None:
        super().__init__()
        self._known = known_distributions() if known is None else known

    def offers(self) -> list[Offer]:
        """Every image, with neither version nor size: no site is asked."""
        return [
            Offer(Choice(name, each.title, "", architecture, Item(place.image), {}), each.aliases)
            for name, each in sorted(self._known.items())
            for architecture, place in sorted(each.images.items())
        ]

    def choose(self, word: str, architecture: str) -> Choice:
        """The newest image of a distribution; its version is the first twelve digits of its checksum.

        Raises `NotFound` for a name or an architecture that is not known, `Unavailable` for a site that does not answer, and
        `Forbidden` for checksums that did not come by HTTPS.
        """
        name = next((name for name, each in self._known.items() if word == name or word in each.aliases), None)
        if name is None:
            raise no_product(word, self._known)
        found = self._known[name]
        place = found.images.get(architecture)
        if place is None:
            raise no_architecture(name, architecture, found.images)
        checksum = self._checksum(place)
        sha256, sha512 = (checksum if len(checksum) == digits else "" for digits in _DIGITS)
        size = self._size(place.image)
        item = Item(place.image, size, sha256, sha512, min_disk=found.min_disk, min_ram=found.min_ram)
        version = checksum[:12]
        properties = properties_of(found.properties, architecture, name, version)
        return Choice(name, found.title, version, architecture, item, properties)

    def _checksum(self, place: Place) -> str:
        text, urls = self.fetch(place.checksums, _MOST_CHECKSUMS)
        if any(url.scheme != "https" for url in urls):
            raise Forbidden(
                f"The checksums {place.checksums} did not come by HTTPS",
                detail=f"Asked were {', '.join(map(str, urls))}.",
                remedy="Nothing of it is used. Name a catalogue: --from URL --key KEY",
                code="catalogue-untrusted",
            )
        wanted = place.image.rpartition("/")[2]
        for line in text.decode("utf-8", "replace").splitlines():
            if (gnu := _GNU.fullmatch(line.strip())) and gnu[2] == wanted and len(gnu[1]) in _DIGITS:
                return gnu[1]
            if (bsd := _BSD.fullmatch(line.strip())) and bsd[1] == wanted and len(bsd[2]) in _DIGITS:
                return bsd[2]
        raise HostError(
            f"{place.checksums} has no SHA-256 or SHA-512 of {wanted}",
            detail=f"It has {len(text)} bytes.",
            remedy="The site may be changing its images right now: try again later, or name a catalogue: --from URL --key KEY",
            code="catalogue-checksum",
        )

    def _size(self, url: str) -> int:
        try:
            answer = self.http.head(url)
            answer.raise_for_status()
            return int(answer.headers["content-length"])
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as error:
            raise unreachable(url, error) from error
