"""Which stores the rows of images name: counted, looked for, and multiplied into what quotas count; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from busway.domain.ids import ImageId, ProjectId
from busway.domain.image import Image, ImageStatus
from busway.store import images
from busway.store.database import Database

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PLAIN = Image(ImageId("a"), "a", ImageStatus.ACTIVE, ProjectId("p"), _NOW, _NOW, size=5, sha256="f" * 64)


def test_each_copy_counts_and_is_found(database: Database) -> None:
    with database.write() as tx:
        images.add_image(tx, replace(_PLAIN, stores=("fast", "large")))
        images.add_image(tx, replace(_PLAIN, id=ImageId("b"), sha256="e" * 64, stores=("large",), importing_to=()))
        images.add_image(tx, replace(_PLAIN, id=ImageId("c"), size=None, sha256=None))

    with database.read() as tx:
        assert images.sum_sizes(tx, ProjectId("p")) == 15
        assert images.sum_sizes(tx, ProjectId("p"), but="a") == 5
        assert images.count_by_store(tx) == {"fast": 1, "large": 2}
        assert images.is_data_used(tx, "f" * 64, "fast") and not images.is_data_used(tx, "e" * 64, "fast")
        found = images.get_image(tx, "b")
        assert (found.stores, found.importing_to, found.failed_import) == (("large",), (), None)
