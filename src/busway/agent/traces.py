"""Spans of the work that this host does for a request: each step, and the report of its result."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from busway.domain.documents import Asked, Desired
from busway.domain.errors import BuswayError
from busway.domain.ids import ServerId
from busway.reconciler.steps import Step
from busway.tracing.trace import NO_TRACES, Span, Tracer, Values

_MOST_PENDING = 1000


class AgentTraces:
    """Knows whose requests the servers of this host are at; workers call it, each for its own server."""

    def __init__(self, tracer: Tracer, host: str) -> None:
        self._tracer = tracer
        self._host = host
        self._asked: dict[ServerId, Asked] = {}
        self._unsent: dict[ServerId, Asked] = {}  # something was done for them since the last report
        self._lock = threading.Lock()

    def desire(self, desired: Desired) -> None:
        """Takes notice of the requests in a document."""
        self._asked = {each.server_id: each for each in desired.asked} if self._tracer.is_on else {}

    @contextmanager
    def step(self, step: Step) -> Iterator[Span]:
        """A span for a step of a server whose request is traced; an error of the step is the span's."""
        asked = self._asked.get(step.server_id)
        if asked is None:
            with NO_TRACES.span(step.name) as span:
                yield span
            return
        with self._lock:
            if len(self._unsent) < _MOST_PENDING:
                self._unsent[step.server_id] = asked
        values = {**self._values(asked), "busway.step.reason": step.reason}
        with self._tracer.span(step.name, asked.trace, values) as span:
            try:
                yield span
            except BuswayError as error:
                span.error = str(error)
                raise

    @contextmanager
    def report(self) -> Iterator[None]:
        """A span for the sending of a report, in the trace of each server for which something was done since the last one."""
        with self._lock:
            pending, self._unsent = self._unsent, {}
        began, error = time.time_ns(), ""
        try:
            yield
        except BuswayError as failure:
            error = str(failure)
            with self._lock:
                self._unsent = {**pending, **self._unsent}
            raise
        finally:
            for asked in pending.values():
                self._tracer.record("report", asked.trace, began, time.time_ns(), self._values(asked), error)

    def _values(self, asked: Asked) -> Values:
        return {
            "busway.request_id": asked.request_id,
            "busway.server_id": asked.server_id,
            "busway.host": self._host,
        }
