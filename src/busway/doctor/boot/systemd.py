"""systemd-boot's configuration: its entries, or a unified kernel image built from /etc/kernel/cmdline."""

from __future__ import annotations

from pathlib import Path

from busway.doctor.act import Act, Run, WriteFile
from busway.doctor.boot.entries import CMDLINE, entry_edits, kernel_cmdline_edit
from busway.doctor.boot.words import change_words
from busway.doctor.distribution import Distribution, Family
from busway.doctor.look import exists
from busway.hardware.tree import read_text

PLACES = ("boot", "efi", "boot/efi")


def acts(root: Path, distribution: Distribution, add: tuple[str, ...], remove: tuple[str, ...]) -> list[Act]:
    """What changes the command line of every kernel, and of kernels to come."""
    edits, _ = entry_edits(root, PLACES, add, remove)
    found: list[Act] = [*edits, *kernel_cmdline_edit(root, add, remove)]
    if not edits:
        if not found:
            found.append(_first_cmdline(root, add, remove))
        found.append(Run(command(root, distribution), command(root, distribution)))
    return found


def command(root: Path, distribution: Distribution) -> tuple[str, ...]:
    """Builds the boot entries, or unified images, from /etc/kernel/cmdline."""
    if exists(root / "etc/kernel/proxmox-boot-uuids"):
        return ("proxmox-boot-tool", "refresh")
    if distribution.family is Family.ARCH:
        return ("mkinitcpio", "-P")
    if distribution.family is Family.SUSE:
        return ("sdbootutil", "update-all-entries")
    return ("kernel-install", "add-all")


def _first_cmdline(root: Path, add: tuple[str, ...], remove: tuple[str, ...]) -> WriteFile:
    """Without the file, images are built with the words of the running kernel; so they are its first content."""
    running = [
        word for word in read_text(root / "proc/cmdline").split() if not word.startswith(("BOOT_IMAGE=", "initrd="))
    ]
    return WriteFile(CMDLINE, f"{change_words(' '.join(running), add, remove)}\n".encode())
