from collections.abc import Callable
from pathlib import Path

import pytest

Tree = dict[str, str]


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[], Tree]:
    """Takes a picture of every file, link, folder and mode below the root."""

    def take() -> Tree:
        found = {}
        for path in sorted(tmp_path.rglob("*")):
            name = str(path.relative_to(tmp_path))
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            elif path.is_file():
                found[name] = f"{path.stat().st_mode:o} {path.read_bytes().hex()}"
            else:
                found[name] = f"{path.stat().st_mode:o} folder"
        return found

    return take
