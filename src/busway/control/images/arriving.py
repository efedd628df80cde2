"""Images whose data arrives now."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.images.stores import folders_of
from busway.domain.ids import ProjectId
from busway.store import images
from busway.store.database import Tx


def count_uploading(control: Control, tx: Tx, owner: ProjectId) -> int:
    """Counts the images of a project that are uploaded, staged or imported now."""
    folders = folders_of(control).values()
    arriving = {path.name.split(".")[1] for folder in folders for path in (folder / "tmp").glob(f"{owner}.*")}
    return len(arriving.union(images.list_staged_ids(tx, owner)))
