"""Turns the changes that findings wish for into acts on this host, each file once."""

from __future__ import annotations

from collections.abc import Iterable

from busway.doctor.act import Act, Run, SetValue, WriteFile
from busway.doctor.change import Attribute, Change, ConfigFile, EarlyModules, Initramfs, KernelArgument
from busway.doctor.distribution import InitramfsTool
from busway.doctor.finding import Finding
from busway.doctor.host import Host
from busway.hardware.tree import find_bytes

_EARLY = {
    InitramfsTool.INITRAMFS_TOOLS: "/etc/initramfs-tools/modules",
    InitramfsTool.DRACUT: "/etc/dracut.conf.d/90-busway.conf",
    InitramfsTool.MKINITCPIO: "/etc/mkinitcpio.conf.d/busway.conf",
}


def plan(host: Host, findings: Iterable[Finding]) -> tuple[Act, ...]:
    """The acts for all changes of the findings: files, values of the kernel's, then programs. Pure but for reading."""
    changes = [change for finding in findings for change in finding.changes]
    files: dict[str, WriteFile] = {}
    values: dict[str, SetValue] = {}
    runs: dict[tuple[str, ...], Run] = {}
    for act in [*_boot(host, changes), *_files(host, changes), *_values(changes), *_initramfs(host, changes)]:
        match act:
            case WriteFile(path=path):
                if act.content != (find_bytes(host.root / path.lstrip("/"))):
                    files[path] = act
            case SetValue(path=path):
                values[path] = act
            case Run(command=command):
                runs[command] = act
    return (*files.values(), *values.values(), *(runs.values() if files else ()))


def early_file(tool: InitramfsTool) -> str:
    """The file that names the modules of the initramfs; "" for an unknown tool."""
    return _EARLY.get(tool, "")


def _boot(host: Host, changes: list[Change]) -> list[Act]:
    add = tuple(dict.fromkeys(one.add for one in changes if isinstance(one, KernelArgument) and one.add))
    remove = tuple(dict.fromkeys(one.remove for one in changes if isinstance(one, KernelArgument) and one.remove))
    return host.boot.acts(add, remove) if add or remove else []


def _files(host: Host, changes: list[Change]) -> list[Act]:
    lines: dict[str, list[str]] = {}
    for change in changes:
        if isinstance(change, ConfigFile):
            lines.setdefault(change.path, []).extend(change.lines)
        elif isinstance(change, EarlyModules) and (path := early_file(host.distribution.initramfs)):
            lines.setdefault(path, []).extend(_early_lines(host.distribution.initramfs, change.modules))
    return [WriteFile(path, _with_lines(host, path, wanted)) for path, wanted in lines.items()]


def _with_lines(host: Host, path: str, wanted: list[str]) -> bytes:
    """The file with those lines at its end that it does not have yet."""
    before = find_bytes(host.root / path.lstrip("/")) or b""
    here = before.decode("utf-8", "surrogateescape").splitlines()
    new = [line for line in dict.fromkeys(wanted) if line not in here]
    text = "".join(f"{line}\n" for line in new).encode()
    return before + (b"\n" if before and new and not before.endswith(b"\n") else b"") + text


def _early_lines(tool: InitramfsTool, modules: tuple[str, ...]) -> list[str]:
    if tool is InitramfsTool.DRACUT:
        return [f'force_drivers+=" {" ".join(modules)} "']
    if tool is InitramfsTool.MKINITCPIO:
        return [f"MODULES+=({' '.join(modules)})"]
    return list(modules)


def _values(changes: list[Change]) -> list[Act]:
    return [SetValue(change.path, change.value) for change in changes if isinstance(change, Attribute)]


def _initramfs(host: Host, changes: list[Change]) -> list[Act]:
    command = host.distribution.initramfs.command
    wanted = any(isinstance(change, Initramfs | EarlyModules) for change in changes)
    return [Run(command, command)] if wanted and command else []
