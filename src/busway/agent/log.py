"""The form of all logs: one line per event on stderr, for journald to keep."""

from __future__ import annotations

import os
import sys
from typing import Any

import structlog

FORMAT = "BUSWAY_LOG_FORMAT"  # the variable of the environment: json, or else key=value


def log_to_stderr(**options: Any) -> None:
    """Sets structlog up for the whole process: time, level, event, then the rest; `options` are those of `structlog.configure`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if os.environ.get(FORMAT) == "json"
            else structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True, bool_as_flag=False
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
        **options,
    )
