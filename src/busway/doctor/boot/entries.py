"""Boot Loader Specification entries (/boot/loader/entries/*.conf) and /etc/kernel/cmdline, which new ones come from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from busway.doctor.act import WriteFile
from busway.doctor.boot.words import change_words
from busway.hardware.tree import find_bytes, list_names

CMDLINE = "/etc/kernel/cmdline"
_OPTIONS = re.compile(r"(?m)^(options[ \t]+)(.*)$")


def entry_edits(
    root: Path, places: Iterable[str], add: tuple[str, ...], remove: tuple[str, ...]
) -> tuple[list[WriteFile], bool]:
    """Edits the options of every kernel's entry; True when some keep them in a variable of GRUB's ($kernelopts)."""
    found, opaque = [], False
    for place in places:
        folder = f"{place}/loader/entries"
        for name in list_names(root / folder):
            text = (find_bytes(root / folder / name) or b"").decode("utf-8", "surrogateescape")
            if not name.endswith(".conf") or not re.search(r"(?m)^linux[ \t]", text):
                continue
            match = _OPTIONS.search(text)
            if match and "$kernelopts" in match[2]:
                opaque = True
                continue
            found.append(WriteFile(f"/{folder}/{name}", _edit(text, match, add, remove)))
    return found, opaque


def kernel_cmdline_edit(root: Path, add: tuple[str, ...], remove: tuple[str, ...]) -> list[WriteFile]:
    """Edits /etc/kernel/cmdline, where there is one."""
    data = find_bytes(root / CMDLINE.lstrip("/"))
    if data is None:
        return []
    text = data.decode("utf-8", "surrogateescape")
    line = text.rstrip("\n")
    after = change_words(line, add, remove) + (text[len(line) :] or "\n")
    return [WriteFile(CMDLINE, after.encode("utf-8", "surrogateescape"))]


def _edit(text: str, match: re.Match[str] | None, add: tuple[str, ...], remove: tuple[str, ...]) -> bytes:
    if match is None:
        text += ("" if text.endswith("\n") else "\n") + f"options {' '.join(add)}\n"
    else:
        text = text[: match.start(2)] + change_words(match[2], add, remove) + text[match.end(2) :]
    return text.encode("utf-8", "surrogateescape")
