"""Files of the control plane that hold secrets."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from busway.control.durable import create_secret, write_secret


def test_of_several_that_create_a_secret_at_once_the_first_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"

    def create(number: int) -> str:
        create_secret(path, f"key {number}")
        return path.read_text()

    with ThreadPoolExecutor(8) as pool:
        read = set(pool.map(create, range(32)))

    assert read == {path.read_text()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "openrc"
    path.write_text("old and longer")
    path.chmod(0o644)

    write_secret(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
