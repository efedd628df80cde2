"""Reads and writes the northbound database by JSON-RPC (RFC 7047), one connection for each exchange."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from busway.domain.errors import Unavailable
from busway.ovn.changes import TABLES, Operation, changes
from busway.ovn.connection import Address
from busway.ovn.row import KEY, OWNER, Found, Row

DATABASE = "OVN_Northbound"
_SECONDS = 30.0
_MOST = 1 << 30  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Northbound:
    """The database at one of `addresses`, the first that answers; `tls` makes the context for those with `ssl:`."""

    addresses: Sequence[Address]
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def converge(self, rows: Sequence[Row]) -> int:
        """Makes Busway's rows equal to these in one transaction, and answers how many changes that took.

        Raises `Unavailable` when no server answers, or the database refuses.
        """
        with _Session(self._connect()) as session:
            found = {
                table: [Found(str(row["_uuid"][1]), row) for row in several]
                for table, several in zip(TABLES, session.transact([_select(table) for table in TABLES]), strict=True)
            }
            needed = changes(rows, found)
            if needed:
                session.transact(needed)
        return len(needed)

    def _connect(self) -> socket.socket:
        refused: list[str] = []
        for address in self.addresses:
            try:
                return address.connect(self.tls, _SECONDS)
            except OSError as error:
                refused.append(f"{address}: {error}")
        raise Unavailable(
            "OVN's northbound database does not answer",
            detail="; ".join(refused),
            remedy="Start ovn-central, and look at [ovn] ovn_nb_connection. Networks and rules of type geneve change "
            "when it answers again.",
            code="ovn-unreachable",
        )


def _select(table: str) -> Operation:
    mine = [["external_ids", "includes", ["map", [[OWNER, KEY]]]]]
    return {"op": "select", "table": table, "where": mine, "columns": ["_uuid", *TABLES[table]]}


class _Session:
    """One connection, for requests one after the other."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._unread = bytearray()
        self._deadline = time.monotonic() + _SECONDS
        self._number = 0

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._socket.close()

    def transact(self, operations: Sequence[Operation]) -> list[list[Mapping[str, Any]]]:
        """Does operations, all or none, and answers the rows of each."""
        self._number += 1
        request = {"method": "transact", "params": [DATABASE, *operations], "id": self._number}
        try:
            self._socket.sendall(json.dumps(request).encode())
            answer = self._answer()
        except (OSError, ValueError) as error:
            raise Unavailable(
                "OVN's northbound database broke off", detail=f"{type(error).__name__}: {error}", code="ovn-unreachable"
            ) from error
        results = answer.get("result")
        errors = [each for each in results or () if isinstance(each, dict) and "error" in each]
        if not isinstance(results, list) or errors or answer.get("error"):
            failure = errors[0] if errors else answer.get("error") or {}
            raise Unavailable(
                "OVN's northbound database refused a change",
                detail=" ".join(str(failure[word]) for word in ("error", "details") if word in failure)
                or str(failure)[:500],
                remedy="If the detail does not help, look into ovsdb-server's log. The next turn tries again.",
                code="ovn-refused",
            )
        return [each.get("rows", []) for each in results[: len(operations)]]

    def _answer(self) -> dict[str, Any]:
        """The answer to the last request; the question whether this side lives is answered in between."""
        while True:
            for message in self._messages():
                if message.get("method") == "echo":
                    alive = {"id": message["id"], "result": message["params"], "error": None}
                    self._socket.sendall(json.dumps(alive).encode())
                elif message.get("id") == self._number and "method" not in message:
                    return message
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no answer within {_SECONDS:.0f} s")
            self._socket.settimeout(left)
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the connection ended")
            self._unread += data
            if len(self._unread) > _MOST:
                raise ValueError(f"an answer of more than {_MOST} bytes")

    def _messages(self) -> list[dict[str, Any]]:
        """Takes the messages that have come completely; only what ends like one is worth reading."""
        if not self._unread.endswith(b"}"):
            return []
        found: list[dict[str, Any]] = []
        text, decoder, position = self._unread.decode(), json.JSONDecoder(), 0
        while position < len(text):
            try:
                message, position = decoder.raw_decode(text, position)
            except ValueError:
                break  # it is not complete
            found.append(message)
        self._unread = bytearray(text[position:].encode())
        return found
