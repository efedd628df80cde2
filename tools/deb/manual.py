"""Man pages out of the commands themselves: busway(1), and one page for each command or group of commands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click


def pages(root: click.Group, version: str) -> dict[str, str]:
    """Return the man pages by file name, such as "busway-server.1"."""
    found = {"busway.1": "\n".join(_page(["busway"], root, version, deep=False))}
    for name, command in sorted(root.commands.items()):
        if not command.hidden:
            found[f"busway-{name}.1"] = "\n".join(_page(["busway", name], command, version, deep=True))
    return found


def _page(path: list[str], command: click.Command, version: str, *, deep: bool) -> Iterator[str]:
    name = "-".join(path)
    yield f'.TH "{name.upper()}" 1 "" "Busway {version}" "Busway"'
    yield f".SH NAME\n{name} \\- {_text(command.get_short_help_str(200).rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield _usage(path, command)
    yield ".SH DESCRIPTION"
    yield from _body(command)
    yield from _options(command, ".SH OPTIONS")
    if isinstance(command, click.Group):
        yield ".SH COMMANDS"
        for child_name, child in sorted(command.commands.items()):
            if child.hidden:
                continue
            if deep:
                yield from _command([*path, child_name], child)
            else:
                yield f".TP\n.BR {name}\\-{_text(child_name)} (1)\n{_text(child.get_short_help_str(200))}"
    yield ".SH EXIT STATUS\n0 done, 1 an error, which is printed with what to do about it, 2 wrong usage."
    if path != ["busway"]:
        yield ".SH SEE ALSO\n.BR busway (1)"


def _command(path: list[str], command: click.Command) -> Iterator[str]:
    yield f".SS {_text(' '.join(path[1:]))}"
    yield _usage(path, command)
    yield ".PP"
    yield from _body(command)
    yield from _options(command, ".PP")


def _usage(path: list[str], command: click.Command) -> str:
    context = click.Context(command, info_name=path[-1], help_option_names=["-h", "--help"])
    return f".B {_text(' '.join(path))}\n{_text(' '.join(command.collect_usage_pieces(context)))}"


def _body(command: click.Command) -> Iterator[str]:
    for paragraph in textwrap.dedent(command.help or "").replace("\b", "").split("\n\n"):
        yield _text(" ".join(paragraph.split()))
        yield ".PP"


def _options(command: click.Command, opening: str) -> Iterator[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    if records:
        yield opening
    for names, meaning in records:
        yield f".TP\n.B {_text(names)}\n{_text(' '.join(meaning.split()))}"


def _text(words: str) -> str:
    """Escape what roff would read as its own: backslashes, hyphens, and dots or quotes at the start of a line."""
    plain = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
