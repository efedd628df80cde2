"""Asks whether files are there; a folder that may not be looked into counts as not there, and nothing raises."""

from __future__ import annotations

import os
from pathlib import Path


def exists(path: Path) -> bool:
    """True when a file or folder is there, links followed."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises for a folder that may not be searched


def is_dir(path: Path) -> bool:
    """True when a folder is there."""
    return os.path.isdir(path)  # noqa: PTH112 - as above
