"""The agent's log: one line per event on stderr, for journald to keep."""

from __future__ import annotations

import sys

import structlog


def log_to_stderr() -> None:
    """Sets structlog up for the whole process: time, level, event, then key=value; no colours unless on a terminal."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
