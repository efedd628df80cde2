"""Stores of images in the configuration, with Glance's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from busway.bootstrap.config import read_config
from busway.bootstrap.config_check import check_config
from busway.domain.errors import InvalidConfig
from busway.domain.image_store import ImageStore, ImageStores

STORES = """\
[DEFAULT]
enabled_backends = fast:file, Large:file, file:file
[glance_store]
default_backend = Large
[fast]
filesystem_store_datadir = /srv/fast/
store_description = NVMe
weight = 100
[Large]
filesystem_store_datadir = /srv/large
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "busway.conf"
    path.write_text(text)
    return path


def test_glances_own_words_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, STORES)

    found = read_config(path, state_path=str(tmp_path)).settings.image_stores

    assert found.default == "Large"
    assert found.stores == (
        ImageStore("fast", "/srv/fast", "NVMe", 100),
        ImageStore("Large", "/srv/large"),
        ImageStore("file"),
    )
    assert found.in_order(["file", "Large", "fast"]) == ("fast", "Large", "file")
    report = check_config(path)
    assert (report.errors, report.warnings, report.ignored) == ((), (), ())


def test_without_stores_there_is_the_image_folder(tmp_path: Path) -> None:
    found = read_config(written(tmp_path, ""), state_path=str(tmp_path)).settings.image_stores

    assert found == ImageStores()
    assert (found.names, found.default, found.several) == (("file",), "file", False)


def test_the_first_store_is_the_default_one(tmp_path: Path) -> None:
    text = STORES.replace("default_backend = Large", "")

    assert read_config(written(tmp_path, text), state_path=str(tmp_path)).settings.image_stores.default == "fast"


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("fast:file", "fast:rbd", 2, "only file"),
        ("fast:file", "fast", 2, "missing"),
        ("fast:file", "a b:file", 2, "can't be the name"),
        ("fast:file", "os_glance_tasks_store:file", 2, "can't be the name"),
        ("file:file", "FAST:file", 2, "two stores"),
        ("file:file", "quota:file", 2, "other options"),
        ("/srv/large", "/srv/fast", 2, "same folder"),
        ("default_backend = Large", "default_backend = huge", 4, "no store huge"),
        ("filesystem_store_datadir = /srv/fast/", "filesystem_store_datadir = srv/fast", 6, "whole path"),
        ("filesystem_store_datadir = /srv/fast/", "filesystem_store_chunk_size = 1", 6, "not an option"),
        ("weight = 100", "weight = heavy", 8, "whole number"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, why: str) -> None:
    path = written(tmp_path, STORES.replace(old, new))

    with pytest.raises(InvalidConfig) as caught:
        read_config(path, state_path=str(tmp_path))

    assert f"line {line}:" in str(caught.value) and caught.value.code == "image-stores"
    assert why in f"{caught.value.brief} {caught.value.remedy}"
