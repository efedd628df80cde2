"""What a catalogue says: products, their versions, and one image for each architecture.

The shape is that of simplestreams: products by name, versions by serial, items. It is smaller: one document, one kind
of item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from busway.domain.errors import InvalidConfig, NotFound

FORMAT = "busway-images:1"
MOST_BYTES = 4 * 1024**2
MOST_IMAGE_BYTES = 1024**4
_DIGITS = {"sha256": 64, "sha512": 128}
# What an image's data is never let into: words by which it is found again, and those that are the image API's own.
PRODUCT, VERSION = "product_name", "version_name"


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One image; `path` is a URL, or a path beside the catalogue; sizes are bytes, but `min_disk` GiB and `min_ram` MiB.

    It has a SHA-256, or a SHA-512, or both, in small hexadecimal digits; the longer one that is there counts.
    """

    path: str
    size: int = 0
    sha256: str = ""
    sha512: str = ""
    disk_format: Literal["qcow2", "raw"] = "qcow2"
    min_disk: int = 0
    min_ram: int = 0

    @property
    def checksum(self) -> tuple[str, str]:
        """The algorithm and the value that count."""
        return ("sha512", self.sha512) if self.sha512 else ("sha256", self.sha256)


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One build of a product: its images by architecture, in the image API's words (x86_64, aarch64)."""

    items: dict[str, Item]


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A system, such as debian-12; `properties` are given to each image of it."""

    title: str
    versions: dict[str, Version]
    aliases: tuple[str, ...] = ()
    properties: dict[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All products of one publisher; believed until `expires`."""

    format: Literal["busway-images:1"]
    updated: datetime
    expires: datetime
    products: dict[str, Product]


class Choice(msgspec.Struct, frozen=True):
    """One image of a catalogue, with what it is."""

    product: str
    title: str
    version: str
    architecture: str
    item: Item
    properties: dict[str, str]


def parse_catalogue(data: bytes, where: str) -> Catalogue:
    """Reads a catalogue whole; raises `InvalidConfig` for anything that is not understood."""
    try:
        found = msgspec.json.decode(data, type=Catalogue)
        if found.updated.tzinfo is None or found.expires.tzinfo is None:
            raise ValueError("a time has no zone")
        for product, version, architecture, item in every_item(found):
            if mistake := _mistake(item):
                raise ValueError(f"{product} {version} {architecture}: {mistake}")
    except ValueError as error:  # msgspec's errors are among them
        raise form(where, str(error)) from error
    return found


def choose(catalogue: Catalogue, word: str, architecture: str) -> Choice:
    """The newest image of the product with this name or alias; raises `NotFound` with those that there are."""
    name = next((name for name, each in catalogue.products.items() if word == name or word in each.aliases), None)
    if name is None:
        raise no_product(word, catalogue.products)
    product = catalogue.products[name]
    fitting = [serial for serial, version in product.versions.items() if architecture in version.items]
    if not fitting:
        known = sorted({each for version in product.versions.values() for each in version.items})
        raise no_architecture(name, architecture, known)
    newest = max(fitting)
    item = product.versions[newest].items[architecture]
    properties = properties_of(product.properties, architecture, name, newest)
    return Choice(name, product.title, newest, architecture, item, properties)


def properties_of(given: Mapping[str, str], architecture: str, product: str, version: str) -> dict[str, str]:
    """The properties of an image: those of its product, and those by which it is found again."""
    return {**given, "architecture": architecture, PRODUCT: product, VERSION: version}


def no_product(word: str, known: Iterable[str]) -> NotFound:
    """The error for a name or alias that is none of the known products."""
    return NotFound(
        f"The catalogue has no {word}",
        detail=f"It has: {', '.join(sorted(known)) or 'nothing'}.",
        remedy="See: busway image list --catalogue",
        code="catalogue-product",
    )


def no_architecture(product: str, architecture: str, known: Iterable[str]) -> NotFound:
    """The error for an architecture that a product has no image for."""
    return NotFound(
        f"The catalogue has no {product} for {architecture}",
        detail=f"It has it for: {', '.join(sorted(known)) or 'nothing'}.",
        remedy="Name another architecture with --architecture.",
        code="catalogue-product",
    )


def every_item(catalogue: Catalogue) -> list[tuple[str, str, str, Item]]:
    """Every image with its product, version and architecture."""
    return [
        (name, serial, architecture, item)
        for name, product in catalogue.products.items()
        for serial, version in product.versions.items()
        for architecture, item in version.items.items()
    ]


def form(where: str, detail: str) -> InvalidConfig:
    """The error for a document that is not a catalogue."""
    return InvalidConfig(
        f"{where} is not a catalogue of images",
        detail=detail,
        remedy="Its form is in docs/how-to/images.md; its publisher must correct it.",
        code="catalogue-form",
    )


def is_url(path: str) -> bool:
    """True for an address of the web; other paths lie beside the catalogue."""
    return path.startswith(("http://", "https://"))


def _mistake(item: Item) -> str:
    if not 0 < item.size <= MOST_IMAGE_BYTES:
        return f"{item.size} bytes is not a valid size of an image"
    algorithm, value = item.checksum
    if len(value) != _DIGITS[algorithm] or set(value) - set("0123456789abcdef"):
        return f"{value[:140]!r} is no {algorithm.upper().replace('A', 'A-')} in small hexadecimal digits"
    if item.min_disk < 0 or item.min_ram < 0:
        return "a size is below nothing"
    return path_mistake(item.path)


def path_mistake(path: str) -> str:
    """What is wrong with the path of an image, "" for nothing: it must stay below its catalogue."""
    if is_url(path):
        return ""
    if not path or path.startswith("/") or "\\" in path or "://" in path or ".." in path.split("/"):
        return f"{path!r} is neither a URL nor a path below the catalogue"
    return ""
