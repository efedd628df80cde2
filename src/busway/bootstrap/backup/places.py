"""Where the data of a backup's images is on this machine: in the folders of their stores."""

from __future__ import annotations

from pathlib import Path

from busway.bootstrap.backup.manifest import ImageName
from busway.bootstrap.config import Config


def image_places(config: Config, image: ImageName) -> list[Path]:
    """Returns the path of an image's data in each of its stores that is configured."""
    folders = {
        store.name: Path(store.folder) if store.folder else config.state / "images"
        for store in config.settings.image_stores.stores
    }
    return [folders[store] / image.sha256 for store in image.stores if store in folders]
