"""What the tests of this folder read from the checkout."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def tracked_files() -> list[Path]:
    """Return the files that belong to the project: tracked by git, or about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True, timeout=30).stdout
    return sorted({ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()})


def pages() -> list[Path]:
    """Return all Markdown pages of the project."""
    return [path for path in tracked_files() if path.suffix == ".md"]


def links(page: Path) -> Iterator[Path]:
    """Yield the files that the relative links of a page point to."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" not in target and not target.startswith(("#", "mailto:")):
            yield (page.parent / target.split("#")[0]).resolve()


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text(path: str) -> str:
    """Return the text of one file of the checkout."""
    return (ROOT / path).read_text(encoding="utf-8")
