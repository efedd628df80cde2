"""Fetches, checks and converts the data of images that are being imported."""

from __future__ import annotations

from busway.control.images.copies import TOPIC
from busway.control.images.import_run import run_imports
from busway.control.loops.loop import Loop

LOOP = Loop("image-import", seconds=5.0, turn=run_imports, topic=TOPIC)
