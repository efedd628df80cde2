"""Stores: the folders with the data of images. An image's data may be in several of them, and any of them serves its readers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from busway.domain.errors import BadInput, InvalidConfig

BUILT_IN = "file"  # the store of a configuration that names none
TYPE = "file"  # the only type of stores


@dataclass(frozen=True, slots=True)
class ImageStore:
    """One store. `folder` is an absolute path; "" is the folder `images` of the state folder. Greater weights are read first."""

    name: str
    folder: str = ""
    description: str = ""
    weight: int = 0


@dataclass(frozen=True, slots=True)
class ImageStores:
    """All stores in the order of the configuration; data goes to `default` where nobody names another store.

    Raises `InvalidConfig` for two stores with one folder, and for an unknown default.
    """

    stores: tuple[ImageStore, ...] = (ImageStore(BUILT_IN, description="The image folder"),)
    default: str = BUILT_IN

    def __post_init__(self) -> None:
        by_folder: dict[str, str] = {}
        for store in self.stores:
            other = by_folder.setdefault(store.folder, store.name)
            if other != store.name:
                raise InvalidConfig(
                    f"The stores {other} and {store.name} have the same folder: {store.folder or 'that of the state folder'}",
                    remedy=f"Set filesystem_store_datadir in [{store.name}] to another folder.",
                    code="image-stores",
                )
        if self.default not in self.names:
            raise InvalidConfig(
                f"[glance_store] default_backend: there is no store {self.default}",
                detail=f"There are {', '.join(self.names)}.",
                remedy="Name one of them.",
                code="image-stores",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all stores in the order of the configuration."""
        return tuple(store.name for store in self.stores)

    @property
    def several(self) -> bool:
        """Whether there is more than one store."""
        return len(self.stores) > 1

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Returns names of stores, once each, in the order in which they are read: by weight, then by name."""
        weights = {store.name: store.weight for store in self.stores}
        return tuple(sorted(set(names), key=lambda name: (-weights.get(name, 0), name)))

    def choose(self, named: Collection[str], *, every: bool = False) -> tuple[str, ...]:
        """Returns the stores for data of which a request names some, or every store; the default one where it names none.

        Raises `BadInput` for an unknown store.
        """
        if unknown := sorted(set(named) - set(self.names)):
            raise BadInput(
                f"There is no store {unknown[0][:255]}",
                detail=f"There are {', '.join(self.names)}.",
                remedy="List them: openstack image stores list",
                code="image-import-store",
            )
        return self.in_order(self.names if every else named or [self.default])
