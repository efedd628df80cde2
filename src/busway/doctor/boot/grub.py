"""GRUB's configuration: /etc/default/grub, its drop-ins, and Boot Loader Specification entries."""

from __future__ import annotations

import re
from pathlib import Path

from busway.doctor.act import Act, Run, WriteFile
from busway.doctor.boot.entries import entry_edits, kernel_cmdline_edit
from busway.doctor.boot.words import change_words
from busway.doctor.distribution import Distribution, Family
from busway.doctor.look import exists, is_dir
from busway.hardware.tree import find_bytes

FILE = "/etc/default/grub"
DROP_IN = "/etc/default/grub.d/90-busway.cfg"
_PROXMOX = "etc/kernel/proxmox-boot-uuids"
_VARIABLE = re.compile(r"""(?m)^([ \t]*(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=)(["']?)(.*?)\3[ \t]*$""")
_ENTRIES = ("boot",)


def variable(distribution: Distribution) -> str:
    """The variable that operators of this family edit."""
    return "GRUB_CMDLINE_LINUX" if distribution.family is Family.FEDORA else "GRUB_CMDLINE_LINUX_DEFAULT"


def uses_drop_in(root: Path, distribution: Distribution) -> bool:
    """Debian and Ubuntu read drop-ins after the file, and some of their images override it there."""
    return distribution.family is Family.DEBIAN and is_dir(root / "etc/default/grub.d")


def command(root: Path, distribution: Distribution) -> tuple[str, ...]:
    """Rewrites GRUB's own configuration."""
    if exists(root / _PROXMOX):
        return ("proxmox-boot-tool", "refresh")
    if distribution.family is Family.DEBIAN:
        return ("update-grub",)
    if distribution.family is Family.ARCH or not is_dir(root / "boot/grub2"):
        return ("grub-mkconfig", "-o", "/boot/grub/grub.cfg")
    return ("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg")


def acts(root: Path, distribution: Distribution, add: tuple[str, ...], remove: tuple[str, ...]) -> list[Act]:
    """What changes the command line of every kernel, and of kernels to come."""
    found: list[Act] = list(_edits(root, distribution, add, remove))
    edits, opaque = entry_edits(root, _ENTRIES, add, remove)
    found += [*edits, *kernel_cmdline_edit(root, add, remove)]
    if opaque:
        found.append(Run(_grubby(add, remove), _grubby(remove, add)))
    if not edits and not opaque:
        found.append(Run(command(root, distribution), command(root, distribution)))
    return found


def _edits(root: Path, distribution: Distribution, add: tuple[str, ...], remove: tuple[str, ...]) -> list[WriteFile]:
    found = []
    drop_in = uses_drop_in(root, distribution)
    names = [
        FILE,
        *(f"/etc/default/grub.d/{path.name}" for path in sorted((root / "etc/default/grub.d").glob("*.cfg"))),
    ]
    for name in names:
        data = find_bytes(root / name.lstrip("/"))
        text = (data or b"").decode("utf-8", "surrogateescape")
        here = () if drop_in or name != FILE else add
        after = edit(text, variable(distribution), here, remove)
        if after != text:
            found.append(WriteFile(name, after.encode("utf-8", "surrogateescape")))
    if drop_in and add:
        found.append(_drop_in(root, distribution, add, found))
    return found


def _drop_in(root: Path, distribution: Distribution, add: tuple[str, ...], found: list[WriteFile]) -> WriteFile:
    """Ours is the last file: it adds to what the others say."""
    own_files = [one for one in found if one.path == DROP_IN]
    before = own_files[0].content if own_files else find_bytes(root / DROP_IN.lstrip("/")) or b""
    found[:] = [one for one in found if one.path != DROP_IN]
    name = variable(distribution)
    text = before.decode("utf-8", "surrogateescape")
    words = [word for word in add if word not in re.split(r"[\s\"]+", text)]
    line = f'{name}="${name} {" ".join(words)}"\n' if words else ""
    return WriteFile(DROP_IN, (text + line).encode("utf-8", "surrogateescape"))


def edit(text: str, name: str, add: tuple[str, ...], remove: tuple[str, ...]) -> str:
    """Changes the command line variables of a shell file; appends the variable when it is not there."""
    last = [match for match in _VARIABLE.finditer(text) if match[2] == name][-1:]
    parts, end = [], 0
    for match in _VARIABLE.finditer(text):
        added = add if last and match.start() == last[0].start() else ()
        value = change_words(match[4], added, remove)
        if value != match[4]:
            quote = match[3] or '"'
            parts += [text[end : match.start()], f"{match[1]}{quote}{value}{quote}"]
            end = match.end()
    text = "".join([*parts, text[end:]])
    if add and not last:
        text += ("" if not text or text.endswith("\n") else "\n") + f'{name}="{" ".join(add)}"\n'
    return text


def _grubby(add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
    words = [f"--args={' '.join(add)}"] if add else []
    words += [f"--remove-args={' '.join(remove)}"] if remove else []
    return ("grubby", "--update-kernel=ALL", *words)
