"""Names the folder for large things that outlive one checkout: PostgreSQL, kernels of the lab."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_SYSTEM_CACHE = Path("/var/cache/busway")


def cache_folder(environment: Mapping[str, str] = os.environ, uid: int | None = None) -> Path:
    """Return $BUSWAY_CACHE, or a default that the processes started from it can read.

    Root's default is /var/cache/busway: PostgreSQL refuses to run as root, and no other user may look into /root.
    """
    if chosen := environment.get("BUSWAY_CACHE"):
        return Path(chosen).expanduser().absolute()
    if (os.geteuid() if uid is None else uid) == 0:
        return _SYSTEM_CACHE
    home = Path(environment.get("HOME", "~")).expanduser()
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "busway"
