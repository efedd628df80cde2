"""Spans by OpenTelemetry's SDK, sent to a collector as OTLP over HTTP by a thread of their own; more than it can take are dropped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busway.domain.errors import InvalidConfig
from busway.tracing.trace import NO_TRACES, NOTHING, Kind, Span, Tracer, Values, within

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span as SdkSpan

_SECONDS = 5  # that a collector may take for one batch
_QUEUE, _BATCH, _PAUSE_MS = 4096, 512, 2000
_TEXT = 1000  # characters of a value


def make_tracer(endpoint: str, service: str, version: str, **resource: str) -> Tracer:
    """A tracer that sends to `endpoint` ("http://127.0.0.1:4318/v1/traces"), or one that traces nothing for "".

    Raises `InvalidConfig` for what is no such address, and where the packages are not installed.
    """
    if not endpoint:
        return NO_TRACES
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidConfig(
            f"'{endpoint}' is no address of a collector",
            remedy="Name it as http://127.0.0.1:4318/v1/traces: OTLP over HTTP.",
            code="traces-endpoint",
        )
    try:
        return _Otlp(endpoint, {"service.name": service, "service.version": version, **resource})
    except ImportError as error:
        raise InvalidConfig(
            "The packages for traces are not installed",
            detail=f"{error}.",
            remedy="pip install 'busway[traces]', or name no collector.",
            code="traces-missing",
        ) from error


class _Otlp:
    """A provider of its own, so that nothing else in the process traces by accident."""

    is_on = True

    def __init__(self, endpoint: str, resource: dict[str, str]) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        # The SDK writes a traceback for each batch that a collector does not take; one line of ours is enough.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._provider = TracerProvider(ALWAYS_ON, Resource(dict(resource)), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS)
        self._processor = BatchSpanProcessor(
            exporter, _QUEUE, schedule_delay_millis=_PAUSE_MS, max_export_batch_size=_BATCH
        )
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("busway")

    @contextmanager
    def span(self, name: str, parent: str = "", values: Values = NOTHING, kind: Kind = Kind.INTERNAL) -> Iterator[Span]:
        """As `Tracer` says."""
        span = self._begin(name, parent, kind)
        made = Span(_traceparent(span), name, dict(values))
        try:
            with within(made.context):
                yield made
        except BaseException as error:
            made.error = made.error or f"{type(error).__name__}: {error}"
            raise
        finally:
            span.update_name(made.name)
            _set_values(span, made.values, made.error)
            span.end()

    def record(self, name: str, parent: str, began: int, ended: int, values: Values = NOTHING, error: str = "") -> None:
        """As `Tracer` says."""
        span = self._begin(name, parent, Kind.INTERNAL, began)
        _set_values(span, values, error)
        span.end(max(began, ended))

    def close(self) -> None:
        """As `Tracer` says."""
        self._processor.force_flush(_SECONDS * 1000)
        self._provider.shutdown()

    def _begin(self, name: str, parent: str, kind: Kind, began: int | None = None) -> SdkSpan:
        from opentelemetry.sdk.trace import Span as SdkSpan
        from opentelemetry.trace import SpanKind

        kinds = {Kind.SERVER: SpanKind.SERVER, Kind.INTERNAL: SpanKind.INTERNAL}
        span = self._tracer.start_span(name, _context(parent), kinds[kind], start_time=began)
        assert isinstance(span, SdkSpan)
        return span


def _context(parent: str) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())


def _traceparent(span: SdkSpan) -> str:
    found = span.get_span_context()
    assert found is not None
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-01"


def _set_values(span: SdkSpan, values: Values, error: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    known: dict[str, Any] = {
        key: value[:_TEXT] if isinstance(value, str) else value for key, value in values.items() if value != ""
    }
    span.set_attributes(known)
    if error:
        span.set_status(Status(StatusCode.ERROR, error[:_TEXT]))
