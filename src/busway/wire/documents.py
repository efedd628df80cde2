"""Desired and Observed as JSON, version 2; both sides read version 1 too, and write what it can read.

The dataclasses of the domain are the schema. A reader ignores fields that it does not know, so either side may be the
newer one. Each server is read separately: a server with an unknown value is `unreadable`, and the others are not
affected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from busway.domain.condition import Conditions
from busway.domain.device import PciDevice
from busway.domain.documents import WIRE_VERSION, Desired, DesiredServer, Observed, ObservedServer, Unreadable
from busway.domain.errors import BadInput
from busway.domain.ids import ServerId
from busway.domain.mdev import MdevParentSeen
from busway.domain.question import HostAnswer
from busway.wire.console import ConsoleCalls
from busway.wire.join import Joined, JoinRequest, RenewRequest
from busway.wire.plain import read, to_plain
from busway.wire.units import read_grant, read_held, write_grant, write_held

_T = TypeVar("_T")
_Object = dict[str, Any]
_UNREADABLE = "unreadable"


def encode(
    document: Desired | Observed | Conditions | JoinRequest | RenewRequest | Joined | ConsoleCalls | HostAnswer,
) -> bytes:
    """Writes a document, which says the version of its form, or a message as JSON."""
    if isinstance(document, Desired):
        return msgspec.json.encode(_plain_desired(document) | {"wire": WIRE_VERSION})
    if isinstance(document, Observed):
        return msgspec.json.encode(_plain_observed(document) | {"wire": WIRE_VERSION})
    return msgspec.json.encode(document)


def decode(data: bytes, kind: type[_T]) -> _T:
    """Reads what `encode` wrote of a message; raises `BadInput` for anything else."""
    try:
        return read(_object(data, kind), kind)
    except msgspec.ValidationError as error:
        raise _no_document(kind, error) from error


def decode_desired(data: bytes) -> Desired:
    """Reads a Desired document; raises `BadInput` for anything else, or if a server in it has no readable id."""
    parts = _Parts(_object(data, Desired), Desired)
    servers = parts.take("servers", _desired_server, lambda value: value["id"])
    return replace(parts.rest(Desired), servers=tuple(servers), unreadable=tuple(parts.unreadable))


def decode_observed(data: bytes) -> Observed:
    """Reads an Observed document; raises `BadInput` for anything else, or if a server in it has no readable id.

    A device or a parent of mediated ones that can't be read is left out with a note: it counts as not there, and is
    given to nobody.
    """
    # A NUL in a text, which no database keeps as one, must not cost a host its reports: it becomes the sign for
    # "unreadable".
    parts = _Parts(_object(data.replace(b"\\u0000", b"\\ufffd"), Observed), Observed)
    servers = parts.take("servers", lambda value: read(value, ObservedServer), lambda value: value["id"])
    held = parts.take("held", read_held, lambda value: value["server_id"])
    inventory, notes = _one_by_one(parts.object.pop("inventory", []), PciDevice, "device")
    parents, of_parents = _one_by_one(
        parts.object.pop("mdev_parents", []), MdevParentSeen, "parent of mediated devices"
    )
    functions, of_functions = _one_by_one(
        parts.object.pop("vgpu_functions", []), MdevParentSeen, "function that becomes a vGPU"
    )
    fabrics, of_fabrics = _one_by_one(parts.object.pop("fabrics", []), MdevParentSeen, "fabric")
    nodes, of_nodes = _one_by_one(parts.object.pop("render_nodes", []), MdevParentSeen, "render node")
    left = {each.id for each in parts.unreadable}
    found = parts.rest(Observed)
    return replace(
        found,
        servers=tuple(server for server in servers if server.id not in left),
        held=tuple(held),
        unreadable=tuple(parts.unreadable),
        inventory=inventory,
        mdev_parents=parents,
        vgpu_functions=functions,
        fabrics=fabrics,
        render_nodes=nodes,
        notes=(*found.notes, *notes, *of_parents, *of_functions, *of_fabrics, *of_nodes),
    )


@dataclass
class _Parts:
    """A document whose lists are read one by one."""

    object: _Object
    kind: type[Any]
    unreadable: list[Unreadable] = field(default_factory=list)

    def take(self, name: str, read_one: Callable[[Any], _T], server_of: Callable[[Any], Any]) -> list[_T]:
        """Reads each object of a list; one that can't be read makes its server unreadable."""
        found = []
        for value in _list(self.object.pop(name, []), self.kind):
            try:
                found.append(read_one(value))
            except msgspec.ValidationError as error:
                self.unreadable.append(self._blame(value, server_of, error))
        return found

    def rest(self, kind: type[_T]) -> _T:
        """The document of its other fields; one that does not say its version is of version 1."""
        try:
            return read({"wire": 1, **self.object, _UNREADABLE: []}, kind)
        except msgspec.ValidationError as error:
            raise _no_document(self.kind, error) from error

    def _blame(self, value: Any, server_of: Callable[[Any], Any], error: msgspec.ValidationError) -> Unreadable:
        try:
            server_id = server_of(value)
        except (KeyError, TypeError):
            server_id = None
        if not isinstance(server_id, str):  # whose it is can't be told, and so what must be left alone can't
            raise _no_document(self.kind, error) from error
        return Unreadable(ServerId(server_id), str(error))


def _desired_server(value: Any) -> DesiredServer:
    if not isinstance(value, dict):
        raise msgspec.ValidationError("a server is not an object")
    grants = tuple(read_grant(grant) for grant in value.get("devices", []))
    return replace(read(value | {"devices": []}, DesiredServer), devices=grants)


def _one_by_one(values: Any, kind: type[_T], word: str) -> tuple[tuple[_T, ...], list[str]]:
    found, notes = [], []
    for value in _list(values, Observed):
        try:
            found.append(read(value, kind))
        except msgspec.ValidationError as error:
            notes.append(f"a {word} can't be read and is left out: {error}")
    return tuple(found), notes


def _plain_desired(document: Desired) -> _Object:
    bare = replace(document, servers=tuple(replace(server, devices=()) for server in document.servers))
    plain: _Object = to_plain(bare)
    del plain[_UNREADABLE]
    for written, server in zip(plain["servers"], document.servers, strict=True):
        written["devices"] = [write_grant(grant) for grant in server.devices]
    return plain


def _plain_observed(document: Observed) -> _Object:
    plain: _Object = to_plain(replace(document, held=()))
    del plain[_UNREADABLE]
    plain["held"] = [write_held(held) for held in document.held]
    return plain


def _object(data: bytes, kind: type[Any]) -> _Object:
    try:
        value: _Object = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _no_document(kind, error) from error
    return value


def _list(value: Any, kind: type[Any]) -> list[Any]:
    if not isinstance(value, list):
        raise _no_document(kind, "There is no list where one must be.")
    return value


def _no_document(kind: type[Any], why: object) -> BadInput:
    return BadInput(
        f"This is not a valid {kind.__name__} document",
        detail=str(why),
        remedy="Run the same release on both sides.",
        code="wire-format",
    )
