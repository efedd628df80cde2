"""Where the data of images lies: one folder for each store, in it one file per SHA-256, and `tmp` for what arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from busway.control.context import Control
from busway.domain.errors import NotFound, Unavailable
from busway.domain.image import Image


def folders_of(control: Control) -> dict[str, Path]:
    """Returns the folder of each store, in the order of the configuration."""
    return {
        store.name: Path(store.folder) if store.folder else control.state / "images"
        for store in control.settings.image_stores.stores
    }


def folder_of(control: Control, store: str) -> Path:
    """Returns the folder of a store; raises `Unavailable` for one that is not configured any more."""
    folder = folders_of(control).get(store)
    if folder is None:
        raise _takes_no_data(store, "It is not configured any more.")
    return folder


@contextmanager
def taking(store: str) -> Iterator[None]:
    """Converts what the system says of writing in a store to `Unavailable`, so that other stores may still take the data."""
    try:
        yield
    except OSError as error:
        told = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
        raise _takes_no_data(store, told) from error


def _takes_no_data(store: str, detail: str) -> Unavailable:
    return Unavailable(
        f"The store {store} takes no data",
        detail=detail,
        remedy="The operator checks that the folder of this store is there and belongs to the control plane's user.",
        code="image-store-unavailable",
    )


def usual_store(control: Control) -> str:
    """Returns the store for data of which nobody says where it goes; what is staged is there too."""
    return control.settings.image_stores.default


def places_of(control: Control, image: Image) -> list[Path]:
    """Returns where copies of an image's data should be, those first that are read first; none in stores of former configurations."""
    folders = folders_of(control)
    stores = control.settings.image_stores.in_order(image.stores)
    return [folders[store] / str(image.sha256) for store in stores if store in folders]


def image_path(control: Control, image: Image) -> Path:
    """Returns a path of an image's data, in any store that has it; raises `NotFound` while it has none, or where all are lost."""
    if image.sha256 is None:
        raise NotFound(
            f"Image {image.id} has no data",
            detail=f"Its status is {image.status}.",
            remedy=f"Upload it: openstack image save, or PUT /image/v2/images/{image.id}/file",
            code="image-no-data",
        )
    for path in places_of(control, image):
        if is_there(path):
            return path
    raise NotFound(
        f"The data of image {image.id} is missing",
        detail=f"There is no file {image.sha256} in the folder of {_stores(image.stores)}.",
        remedy="Restore it from a backup, configure its store again, or delete the image and upload it again.",
        code="image-data-missing",
    )


def is_there(path: Path) -> bool:
    """Returns True if a file is there; False too where its store can't be read, such as one whose disk is broken or away."""
    try:
        return path.exists()
    except OSError:
        return False


def left_by(control: Control, image: Image) -> Iterable[Path]:
    """Returns the temporary files of an image in all stores: of what arrives now, or what a killed process left."""
    for folder in folders_of(control).values():
        yield from (folder / "tmp").glob(f"{image.owner}.{image.id}.*")


def _stores(names: Iterable[str]) -> str:
    return f"the stores {', '.join(names)}" if names else "any store"
