"""A cache of each host's last report: one that repeats it needs no transaction of its own.

A report is a whole state, so that taking the same one twice changes nothing while nothing else has changed. Once a
second, the tokens, generations and report sequences of all cached hosts are compared with the database in one
statement. If they differ, the next report of that host is processed in full; so is one every `WHOLE_SECONDS`.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from busway.domain.ids import HostId
from busway.store.hosts import HostMark

WHOLE_SECONDS = 300.0
_SEQUENCE = re.compile(rb'"sequence":([0-9]{1,20})')


@dataclass(frozen=True, slots=True)
class ReportDigest:
    """A digest of a report without its sequence, and the sequence."""

    digest: bytes
    sequence: int


def digest_report(body: bytes) -> ReportDigest | None:
    """Returns the digest of a report's JSON, without decoding it; None if it has no sequence."""
    found = _SEQUENCE.search(body)
    if found is None:
        return None
    digest = hashlib.blake2b(body[: found.start()], digest_size=16)
    digest.update(body[found.end() :])
    return ReportDigest(digest.digest(), int(found[1]))


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    token_hash: str
    digest: bytes
    sequence: int
    generation: int
    until: float


@dataclass(frozen=True, slots=True)
class RepeatedReport:
    """A report that repeats the cached one: its sequence, and when it came."""

    sequence: int
    at: datetime


@dataclass(slots=True)
class ReportMemory:
    """The last report of each host; safe to use from many threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[HostId, _Known] = field(default_factory=dict)
    _by_token: dict[str, HostId] = field(default_factory=dict)
    _again: dict[HostId, RepeatedReport] = field(default_factory=dict)

    def remember(self, host_id: HostId, name: str, token_hash: str, report: ReportDigest, generation: int) -> None:
        """Keeps a report that was taken in whole, and after which nothing is awaited of its host."""
        with self._lock:
            self._forget(host_id)
            until = time.monotonic() + WHOLE_SECONDS
            self._known[host_id] = _Known(name, token_hash, report.digest, report.sequence, generation, until)
            self._by_token[token_hash] = host_id

    def forget(self, host_id: HostId) -> None:
        """Has the next report of a host taken in whole."""
        with self._lock:
            self._forget(host_id)

    def knows(self, name: str, token_hash: str) -> bool:
        """True while the last report of that host, sent with that token, is remembered."""
        with self._lock:
            host_id = self._by_token.get(token_hash)
            return host_id is not None and self._known[host_id].name == name

    def is_again(self, name: str, token_hash: str, report: ReportDigest, now: datetime) -> bool:
        """True for a report of that host and token that says what the last one said; it is to be marked then."""
        with self._lock:
            host_id = self._by_token.get(token_hash)
            known = self._known.get(host_id) if host_id is not None else None
            if host_id is None or known is None or (known.name, known.digest) != (name, report.digest):
                return False
            last = self._again.get(host_id)
            if report.sequence <= (last.sequence if last else known.sequence) or time.monotonic() > known.until:
                return False
            self._again[host_id] = RepeatedReport(report.sequence, now)
            return True

    def any_waiting(self) -> bool:
        """Whether a report is to be marked."""
        with self._lock:
            return bool(self._again)

    def waiting(self) -> list[HostId]:
        """The hosts whose reports are to be marked."""
        with self._lock:
            return list(self._again)

    def take(self, marks: Mapping[HostId, HostMark]) -> dict[HostId, RepeatedReport]:
        """What is to be written of the hosts with these marks; one that is not as remembered is forgotten with its report."""
        found = {}
        with self._lock:
            for host_id, again in list(self._again.items()):
                known, mark = self._known[host_id], marks.get(host_id)
                if mark is None:
                    continue
                if (mark.token_hash, mark.generation, mark.sequence) != (
                    known.token_hash,
                    known.generation,
                    known.sequence,
                ):
                    self._forget(host_id)
                    continue
                del self._again[host_id]
                self._known[host_id] = replace(known, sequence=again.sequence)
                found[host_id] = again
        return found

    def drop(self, host_ids: Iterable[HostId]) -> None:
        """Forgets hosts that are not there any more."""
        with self._lock:
            for host_id in host_ids:
                self._forget(host_id)

    def _forget(self, host_id: HostId) -> None:
        known = self._known.pop(host_id, None)
        self._again.pop(host_id, None)
        if known is not None and self._by_token.get(known.token_hash) == host_id:
            del self._by_token[known.token_hash]
