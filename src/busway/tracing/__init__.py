"""Traces for OpenTelemetry: spans of one request on its way through control plane and hosts, sent to a collector by OTLP.

Entry points: `Tracer` and `NO_TRACES` in `trace`, `make_tracer` in `otlp`. It is optional: without a collector's address nothing is
imported or made. No other package imports opentelemetry.
"""
