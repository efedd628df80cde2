"""Pytest fixtures for tests that need the lab: `from busway.lab.fixtures import *` in a suite's conftest.

One lab serves the whole run, whichever suites ask for it. `$BUSWAY_LAB_STATE` names a lab that is up already (or is to
stay up after the run): booting one takes most of a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from busway.lab.cache import default_cache
from busway.lab.host import LabHost
from busway.lab.image import build_guest_image
from busway.lab.lab import Lab
from busway.lab.report import PlainReport

__all__ = ["guest_image", "lab_host"]

_HOST = pytest.StashKey[LabHost]()
_GPUS = 4


@pytest.fixture(scope="session")
def lab_host(request: pytest.FixtureRequest) -> LabHost:
    """Answer the run's one lab host, with four GPUs; it goes down when the run ends.

    Its folder is not pytest's: that of a run without failures is removed before the lab goes down, and with it all that
    tells which machines to end.
    """
    known = request.config.stash.get(_HOST, None)
    if known is not None:
        return known
    kept = os.environ.get("BUSWAY_LAB_STATE")
    own = Path(tempfile.mkdtemp(prefix="busway-lab-")) if not kept else None
    lab = Lab(own / "lab" if own else Path(str(kept)))
    if own:
        request.config.add_cleanup(own.rmdir)
        request.config.add_cleanup(lab.down)  # the last one added comes first
    host = lab.up(gpus=_GPUS, report=PlainReport(sys.stderr))[0]
    request.config.stash[_HOST] = host
    return host


@pytest.fixture(scope="session")
def guest_image() -> Path:
    """Answer the guest image, built on first use."""
    return build_guest_image(default_cache(), PlainReport(sys.stderr))
