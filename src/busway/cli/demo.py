"""`busway demo`: see it work, on any machine."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click


@click.command()
@click.option("--gpus", type=click.IntRange(1, 16), default=2, show_default=True, help="GPUs of the emulated host.")
@click.option("--keep", is_flag=True, help="Leave the cloud running at the end.")
def demo(gpus: int, keep: bool) -> None:
    """Boot a guest with a GPU, on emulated hardware.

    The stock OpenStack clients boot it on an emulated host, show the GPU in it, and delete it, which releases the
    GPU. The demo needs no GPU, no IOMMU and no KVM, but root and the Debian packages of `make setup`. It takes some
    minutes.
    """
    from busway.bootstrap.demo import demo as run
    from busway.lab import PlainReport

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is taken down on the way out
    state = Path(tempfile.mkdtemp(prefix="busway-demo-"))
    try:
        run(state, gpus, keep=keep, report=PlainReport(sys.stdout))
    finally:
        if not keep:
            shutil.rmtree(state, ignore_errors=True)
