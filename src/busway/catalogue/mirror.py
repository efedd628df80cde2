"""The place of a catalogue: a URL, or a folder of this machine; and the check that a trusted publisher signed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urljoin

import httpx

from busway.catalogue.document import (
    MOST_BYTES,
    Catalogue,
    Choice,
    Item,
    choose,
    every_item,
    form,
    is_url,
    parse_catalogue,
)
from busway.domain.errors import BuswayError, Forbidden, NotFound, Unavailable
from busway.pki.context import client_context
from busway.pki.ed25519 import is_signed

NAME = "catalogue.json"
SIGNATURE = ".sig"
_SIGNATURE_BYTES = 1024
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)


class Offer(NamedTuple):
    """An image that a source has, and the other names of its product."""

    image: Choice
    aliases: tuple[str, ...]


class Source:
    """A source of ready images on the web or on this machine; use it as a context."""

    def __init__(self) -> None:
        self.http = httpx.Client(timeout=_TIMEOUT, follow_redirects=True, verify=client_context())
        self.http.headers["Accept-Encoding"] = "identity"  # bytes are counted as they come

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.http.close()

    def offers(self) -> list[Offer]:
        """The newest image of each product and architecture."""
        raise NotImplementedError

    def choose(self, word: str, architecture: str) -> Choice:
        """The newest image of the product with this name or alias; raises `NotFound` with those that there are."""
        raise NotImplementedError

    def local(self, _item: Item) -> Path | None:
        """The file with an image on this machine, None for one that is fetched."""
        return None

    @contextmanager
    def stream(self, item: Item, offset: int) -> Iterator[httpx.Response]:
        """The answer with an image from byte `offset` on; raises httpx's errors."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self.http.stream("GET", self.address(item), headers=headers) as answer:
            yield answer

    def address(self, item: Item) -> str:
        """The URL of an image that is fetched."""
        return item.path

    def fetch(self, url: str, most: int) -> tuple[bytes, list[httpx.URL]]:
        """What is at a URL, up to a little more than `most` bytes, and the URLs that were asked for it; raises `Unavailable`, `NotFound`."""
        data = b""
        try:
            with self.http.stream("GET", url) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise not_there(url, f"The mirror answered {answer.status_code}.")
                for piece in answer.iter_raw():
                    data += piece
                    if len(data) > most:
                        break
                return data, [each.url for each in (*answer.history, answer)]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(url, error) from error


class Mirror(Source):
    """A catalogue and the images that it names.

    `where` is a URL or a path of the catalogue, or of the folder with it; `keys` are the publishers who are believed.
    """

    def __init__(self, where: str, keys: Sequence[str], now: Callable[[], datetime]) -> None:
        super().__init__()
        self.where = _whole(where)
        self._keys = keys
        self._now = now

    def offers(self) -> list[Offer]:
        """The newest image of each product and architecture."""
        found = self.catalogue()
        names = sorted({(product, architecture) for product, _, architecture, _ in every_item(found)})
        return [Offer(choose(found, *each), found.products[each[0]].aliases) for each in names]

    def choose(self, word: str, architecture: str) -> Choice:
        """The newest image of a product; raises `NotFound`, and what `catalogue` raises."""
        return choose(self.catalogue(), word, architecture)

    def catalogue(self) -> Catalogue:
        """The catalogue, signed by one of the keys and not expired; raises `Forbidden` for any other."""
        data = self._text(self.where, MOST_BYTES)
        signature = self._text(self.where + SIGNATURE, _SIGNATURE_BYTES).decode("ascii", "replace").strip()
        if not any(is_signed(key, data, signature) for key in self._keys):
            raise _untrusted(self.where, len(self._keys))
        found = parse_catalogue(data, self.where)
        if found.expires < self._now():
            raise _expired(self.where, found)
        return found

    def local(self, item: Item) -> Path | None:
        """The file with an image of a folder of this machine, None for one that is fetched."""
        return None if is_url(item.path) or is_url(self.where) else Path(self.where).parent / item.path

    def address(self, item: Item) -> str:
        """The URL of an image: its path may begin at the catalogue."""
        return urljoin(self.where, item.path)

    def _text(self, where: str, most: int) -> bytes:
        data = self.fetch(where, most)[0] if is_url(where) else _read(Path(where), most)
        if len(data) > most:
            raise form(where, f"It has more than {most} bytes.")
        return data


def unreachable(url: str, error: Exception, so_far: str = "") -> Unavailable:
    """The error for a mirror that does not answer, or stops in the middle."""
    return Unavailable(
        f"The mirror does not give {url}",
        detail=f"{so_far}{type(error).__name__}: {error}",
        remedy="Look at the network and the mirror (a proxy is taken from https_proxy), then again: what came is kept.",
        code="catalogue-unreachable",
    )


def not_there(where: str, detail: str) -> NotFound:
    """The error for a catalogue or an image that is not where it should be."""
    return NotFound(
        f"There is no {where}",
        detail=detail,
        remedy="Name the catalogue's file or its folder: --from https://mirror.example/images/",
        code="catalogue-not-found",
    )


def _whole(where: str) -> str:
    """The catalogue itself, where its folder was named."""
    if is_url(where):
        return where + NAME if where.endswith("/") else where
    path = Path(where).expanduser().absolute()
    return str(path / NAME if path.is_dir() else path)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise not_there(str(path), f"{error.strerror}.") from error


def _untrusted(where: str, keys: int) -> BuswayError:
    return Forbidden(
        f"The catalogue {where} is not signed with a trusted key",
        detail=f"Its signature ({SIGNATURE} beside it) is of none of the {keys} keys that are known here: it was changed on its way, "
        "was just being renewed, or somebody else published it.",
        remedy="Try again in a minute. If the publisher has a new key, and you have it from them: "
        "image_catalogue_keys in the "
        "configuration, or --key.",
        code="catalogue-untrusted",
    )


def _expired(where: str, found: Catalogue) -> BuswayError:
    return Forbidden(
        f"The catalogue {where} is out of date",
        detail=f"It was to be believed until {found.expires:%Y-%m-%d %H:%M} UTC: an old one may lack later fixes.",
        remedy="Ask its publisher for a new one, or look at this machine's clock.",
        code="catalogue-expired",
    )
