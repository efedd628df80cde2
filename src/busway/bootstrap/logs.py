"""Logs of the control plane: in the same form as those of agents."""

from __future__ import annotations

import logging

import structlog

from busway.agent.log import log_to_stderr


def set_up_logs(level: int = logging.INFO) -> None:
    """Sets structlog up; events below `level` are not written."""
    log_to_stderr(wrapper_class=structlog.make_filtering_bound_logger(level))
