"""`make release VERSION=x.y.z`: sets the version, dates the changelog, commits, tags, and prints the release's notes."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys

from tools.command import ROOT

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:rc\d+)?")


def dated(changelog: str, version: str, day: str) -> tuple[str, str]:
    """Return the changelog with its unreleased part dated and a new empty one above, and the notes of that part.

    Raises `ValueError` when nothing is unreleased, or the version is there already.
    """
    if f"## {version} " in changelog:
        raise ValueError(f"{version} is in CHANGELOG.md already")
    _, found, rest = changelog.partition("## Unreleased\n")
    notes = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not found or not notes:
        raise ValueError("CHANGELOG.md has nothing under Unreleased")
    return changelog.replace("## Unreleased\n", f"## Unreleased\n\n## {version} - {day}\n", 1), notes


def with_version(text: str, version: str) -> str:
    """Return pyproject.toml, or the `__init__` of the package, with another version of the project."""
    return re.sub(r'^((?:__)?version(?:__)?) = "[^"]*"$', rf'\1 = "{version}"', text, count=1, flags=re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Make the release commit and its tag; nothing leaves this machine."""
    if len(arguments) != 1 or not _VERSION.fullmatch(arguments[0]):
        print("release: name the version: make release VERSION=1.2.3", file=sys.stderr)
        return 2
    version = arguments[0]
    if _git("status", "--porcelain"):
        print("release: commit your changes first", file=sys.stderr)
        return 1
    changelog = ROOT / "CHANGELOG.md"
    try:
        text, notes = dated(
            changelog.read_text("utf-8"), version, datetime.datetime.now(datetime.UTC).date().isoformat()
        )
    except ValueError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    changelog.write_text(text, "utf-8")
    for path in (ROOT / "pyproject.toml", ROOT / "src" / "busway" / "__init__.py"):
        path.write_text(with_version(path.read_text("utf-8"), version), "utf-8")
    _git("commit", "--all", "--message", f"Release {version}")
    _git("tag", "--annotate", f"v{version}", "--message", notes)
    print(f"Busway {version}\n\n{notes}\n\nTagged v{version}; `git push --follow-tags` publishes it.")
    return 0


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
