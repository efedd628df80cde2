"""Finds what a command names, by its id or its name."""

from __future__ import annotations

import difflib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busway.domain.errors import BuswayError, Conflict, NotFound

if TYPE_CHECKING:
    from busway.cli.client import Client

_PAGE = 1000
SERVERS = "compute/v2.1/servers"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: its word, the path of its list, the list's key."""

    word: str
    path: str
    key: str


FLAVOR = Kind("flavor", "compute/v2.1/flavors/detail", "flavors")
IMAGE = Kind("image", "image/v2/images", "images")
PROJECT = Kind("project", "identity/v3/projects", "projects")
USER = Kind("user", "identity/v3/users", "users")
NETWORK = Kind("network", "network/v2.0/networks", "networks")


def list_all(client: Client, kind: Kind) -> list[dict[str, Any]]:
    """All objects of a kind that the caller may see, page by page."""
    found: list[dict[str, Any]] = []
    marker: str | None = None
    paged = kind is not NETWORK  # Neutron's list comes whole
    while True:
        params = {"limit": _PAGE, "marker": marker} if paged else None
        page = client.openstack("GET", kind.path, params=params)[kind.key]
        found += page
        if not paged or len(page) < _PAGE:
            return found
        marker = page[-1]["id"]


def find_one(client: Client, kind: Kind, word: str) -> dict[str, Any]:
    """The object with that id, otherwise with that name; raises `NotFound` or `Conflict`."""
    known = list_all(client, kind)
    found = [each for each in known if each["id"] == word] or [each for each in known if each["name"] == word]
    return _only(kind.word, word, found, [each["name"] for each in known])


def list_servers(client: Client, *, status: str | None = None, all_projects: bool = False) -> list[dict[str, Any]]:
    """All servers that the caller may see, with their details, newest first."""
    found: list[dict[str, Any]] = []
    scope = {"status": status, "all_tenants": "true" if all_projects else None, "limit": _PAGE}
    while True:
        marker = found[-1]["id"] if found else None
        page = client.openstack("GET", f"{SERVERS}/detail", params={**scope, "marker": marker})["servers"]
        found += page
        if len(page) < _PAGE:
            return found


def find_server(client: Client, word: str, status: str | None = None, *, all_projects: bool = False) -> dict[str, Any]:
    """The one server of that id, else of that name and status, in the own project or in all; raises `NotFound` or `Conflict`.

    Without a status it finds no soft-deleted server by its name: a new one may have that name.
    """
    if _is_uuid(word):
        try:
            found: dict[str, Any] = client.openstack("GET", f"{SERVERS}/{word}")["server"]
            return found
        except BuswayError as error:
            if error.code != "server-not-found":
                raise
    scope = {"status": status, "all_tenants": "true" if all_projects else None}
    named = client.openstack("GET", f"{SERVERS}/detail", params={**scope, "name": f"^{re.escape(word)}$"})["servers"]
    if named:
        return _only("server", word, named, [])
    near = client.openstack("GET", SERVERS, params=scope)["servers"]
    return _only(f"{status} server" if status else "server", word, [], [each["name"] for each in near])


def server_id(client: Client, word: str | None) -> str | None:
    """The id of the server of that name in any project; an id stays as it is: the server may be deleted."""
    return word if word is None or _is_uuid(word) else str(find_server(client, word, all_projects=True)["id"])


def account_id(client: Client, kind: Kind, word: str | None) -> str | None:
    """The id of the user or project of that name; an id stays as it is: its owner may be deleted."""
    if word is None or re.fullmatch("[0-9a-f]{32}", word):
        return word
    named = client.openstack("GET", kind.path, params={"name": word})[kind.key]
    if named:
        return str(_only(kind.word, word, named, [])["id"])
    return str(_only(kind.word, word, [], [each["name"] for each in list_all(client, kind)])["id"])


def _only(kind: str, word: str, found: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(each["id"] for each in found)
        raise Conflict(
            f"{len(found)} {kind}s have the name '{word}'",
            detail=f"Their ids: {ids}.",
            remedy="Use its id.",
            code="name-ambiguous",
        )
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    there = f"Did you mean {' or '.join(near)}?" if near else _there_is(kind, names)
    raise NotFound(f"There is no {kind} '{word}'", detail=there, code="name-not-found")


def _there_is(kind: str, names: list[str]) -> str:
    if not names:
        return f"There is no {kind} at all that you may see."
    shown = ", ".join(sorted(set(names))[:10])
    return f"There are: {shown}{', ...' if len(set(names)) > 10 else ''}."


def _is_uuid(word: str) -> bool:
    try:
        return str(uuid.UUID(word)) == word.lower()
    except ValueError:
        return False
