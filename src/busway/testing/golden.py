"""Golden files: an answer is compared with the one that was looked at and kept."""

from __future__ import annotations

import os
from pathlib import Path


class Golden:
    """Compares with the files of a folder; with REWRITE_GOLDEN=1 in the environment it rewrites them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, text: str) -> None:
        """Fails unless `text` is what the file `name` says."""
        path = self._folder / name
        if os.environ.get("REWRITE_GOLDEN") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"{path} says otherwise; REWRITE_GOLDEN=1 rewrites it"
