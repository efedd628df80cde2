"""Nothing that a tree holds raises: files truncated, empty, unreadable, of nonsense, or folders where a file was."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.cli.device_local import list_cards, show_topology
from busway.hardware import Function, Machine
from busway.hardware.snapshot import capture, unpack
from busway.testing.machines_named import NAMED

_DAMAGES = ("empty", "cut", "binary", "words", "huge", "folder", "gone", "fifo", "loop", "unreadable")
_NAMES = ("a2-and-a16", "framebuffer-in-bar", "gvt-g", "l40s-vendor-vfio")


@pytest.fixture(scope="module")
def trees() -> Iterator[dict[str, Path]]:
    with TemporaryDirectory() as folder:
        made = {name: Path(folder) / name for name in _NAMES}
        for name, root in made.items():
            machine = NAMED[name](root)
            machine.hold(812, "Xorg", "/dev/dri/card0")
        yield made


@pytest.mark.thorough
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_tree_is_read_to_the_end(trees: dict[str, Path], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(_NAMES))
    with TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        shutil.copytree(trees[name], root, symlinks=True)
        paths = [path for path in sorted(root.rglob("*")) if not path.is_dir() or path.is_symlink()]
        for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=12, unique=True)):
            damage(path, data.draw(st.sampled_from(_DAMAGES)), data.draw(st.binary(max_size=40)))

        read_everything(root)


def test_a_tree_whose_every_file_is_nonsense_is_read_to_the_end(trees: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(trees["gvt-g"], tmp_path / "root", symlinks=True)
    for path in sorted((tmp_path / "root").rglob("*")):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"\xff\x00 1-2-3 : \n\n0x 99999999999999999999999999\n")

    read_everything(tmp_path / "root")


def damage(path: Path, how: str, content: bytes) -> None:
    before = b"" if path.is_symlink() else path.read_bytes()
    path.unlink()
    match how:
        case "empty":
            path.touch()
        case "cut":
            path.write_bytes(before[: len(before) // 2])
        case "binary":
            path.write_bytes(content)
        case "words":
            path.write_text("No such device\n")
        case "huge":
            path.write_bytes(b"9" * 100_000)
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path.name)
        case "unreadable":
            path.write_bytes(before)
            path.chmod(0)


def read_everything(root: Path) -> None:
    """Asks every question that the library answers; root reads unreadable files all the same."""
    _ = Machine.read(root).inventory
    machine = Machine.read(root)
    machine.rescan()
    properties = [name for name in vars(Function) if isinstance(getattr(Function, name), property)]
    for function in machine:
        for name in properties:
            getattr(function, name)
    files = machine.open_files
    for card in machine.cards:
        files.holders(card.functions)
        assert card.name
    assert sorted(branch.address for branch in machine.topology.walk()) or not machine.functions
    for one in machine.functions:
        for other in machine.functions:
            machine.topology.distance(one, other)
    assert machine.groups is not None
    list_cards(root, everything=True, as_json=True)
    list_cards(root, everything=True, as_json=False)
    show_topology(root, everything=True, as_json=False)
    capture(root, root.with_name("snapshot"))
    unpack(root.with_name("snapshot"), root.with_name("copy"))
    assert machine.framebuffers is None or all(found.names for found in machine.framebuffers)
