"""What the tree holds of other projects' JavaScript is what their packages hold, with their licences."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from tools.command import SetupError
from tools.vendor import LISTS, SUMS, Package, read_list, sums_of, unpack


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.parent.name)
def test_every_vendored_file_has_the_sum_that_was_written_when_it_was_fetched(path: Path) -> None:
    assert (path.parent / SUMS).read_text("utf-8") == sums_of(path.parent)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.parent.name)
def test_every_vendored_package_is_on_the_list_and_has_its_licence(path: Path) -> None:
    packages = read_list(path)

    assert {child.name for child in path.parent.iterdir() if child.is_dir()} == {each.folder for each in packages}
    assert [each.name for each in packages if not list((path.parent / each.folder).glob("LICENSE*"))] == []
    assert [each.name for each in packages if not each.licence or not each.why] == []


def test_an_archive_with_another_content_is_refused() -> None:
    archive = _archive({"package/a.js": b"1", "package/b.js": b"2"})
    package = _package(archive)

    assert unpack(archive, package) == {"a.js": b"1"}
    with pytest.raises(SetupError, match="the list says"):
        unpack(_archive({"package/a.js": b"evil"}), package)


def _package(archive: bytes) -> Package:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return Package("@novnc/novnc", "1", "MIT", "why", integrity, ("a.*",))


def test_folders_are_named_by_one_word() -> None:
    names = [Package(name, "1", "", "", "", ()).folder for name in ("@novnc/novnc", "@xterm/xterm", "@xterm/addon-fit")]

    assert names == ["novnc", "xterm", "xterm-addon-fit"]


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
