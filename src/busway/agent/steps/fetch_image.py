"""FetchImage: brings an image to the host's cache, whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from busway.agent.image_format import check_image
from busway.agent.state import PARTIAL
from busway.agent.tools import Tools
from busway.domain.documents import ImageRef
from busway.domain.errors import HostError
from busway.hardware.durable import rename_durably
from busway.hardware.undo import Undo
from busway.reconciler.steps import FetchImage


def execute(step: FetchImage, tools: Tools) -> None:
    """Streams the image into a temporary file, compares size and SHA-256, checks its form and renames it."""
    image = step.image
    target = tools.state.image(image.sha256)
    if target.exists():
        return
    with Undo() as undo:
        descriptor, name = tempfile.mkstemp(prefix=PARTIAL, dir=tools.state.images)
        partial = Path(name)
        undo.add(lambda: partial.unlink(missing_ok=True))
        with os.fdopen(descriptor, "wb") as file:
            _stream(image, file, tools)
        check_image(partial, image.disk_format)
        partial.chmod(0o644)  # QEMU reads it as a user of its own
        rename_durably(partial, target)
        undo.keep()


def _stream(image: ImageRef, file: BinaryIO, tools: Tools) -> None:
    digest, size = hashlib.sha256(), 0

    def take(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > image.size:
            raise _differs(image, f"more than the {image.size} bytes it should have")
        digest.update(piece)
        file.write(piece)
        tools.check_cancelled()

    tools.link.download(image.id, take)
    file.flush()
    os.fsync(file.fileno())
    if size != image.size or digest.hexdigest() != image.sha256:
        raise _differs(image, f"{size} bytes with SHA-256 {digest.hexdigest()}")


def _differs(image: ImageRef, what: str) -> HostError:
    return HostError(
        f"Image {image.id} arrived damaged",
        detail=f"It has {what}; expected are {image.size} bytes with SHA-256 {image.sha256}.",
        remedy="Upload the image again.",
        code="image-damaged",
    )
