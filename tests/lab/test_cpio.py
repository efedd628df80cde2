from __future__ import annotations

import subprocess
from pathlib import Path

from busway.lab.cpio import Archive


def test_an_archive_unpacks_to_what_was_put_in(tmp_path: Path) -> None:
    archive = Archive()
    archive.file("deep/er/file", b"odd", 0o750)
    archive.link("link", "deep/er/file")
    archive.folder("empty")

    unpack = ["busybox", "cpio", "-i", "-d"]
    subprocess.run(unpack, cwd=tmp_path, input=archive.pack(), check=True, capture_output=True, timeout=10)

    assert (tmp_path / "link").read_bytes() == b"odd"
    assert (tmp_path / "deep/er/file").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "empty").is_dir()


def test_the_same_tree_gives_the_same_bytes() -> None:
    one, two = Archive(), Archive()
    for archive in (one, two):
        archive.file("a", b"1")

    assert one.pack() == two.pack()
