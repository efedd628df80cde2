"""`busway why`: what a line of a log means, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.output import json_option, print_json
from busway.cli.width import wrapped

if TYPE_CHECKING:
    from busway.doctor.why import Answer, Story

_LOGS = "Read this machine's kernel log and QEMU's logs; with root, all of them."


@click.command()
@click.argument("text", metavar="[FILE]", required=False)
@click.option("--host", "of_host", is_flag=True, help=_LOGS)
@json_option
def why(text: str | None, of_host: bool, as_json: bool) -> None:
    """Explain log lines of the kernel, QEMU or libvirt.

    Give a FILE, a line in quotes, or standard input. Lines that one fault caused are answered together, the root cause
    first. The exit code is 1 if no line is known.
    """
    from busway.doctor.why import explain, symptoms

    if of_host and text is not None:
        raise click.UsageError("--host reads this machine's own logs: leave FILE out.")
    lines = _of_host() if of_host else _read(text).splitlines()
    stories = explain(lines)
    if as_json:
        print_json([_fields(story) for story in stories])
    else:
        for story in stories:
            _print(story, len(lines))
        if not stories:
            click.echo(f"Unknown: none of {len(lines)} lines is among the {len(symptoms())} symptoms known here.")
    if not stories:
        sys.exit(1)


def _of_host() -> list[str]:
    from busway.doctor.why.logs import read_logs

    logs = read_logs(Path("/"))
    for name in logs.denied:
        click.echo(f"Not read, because only root may: {name}", err=True)
    if not logs.files and not logs.denied:
        click.echo("This machine shows neither a kernel log nor logs of QEMU.", err=True)
    return list(logs.lines)


def _read(text: str | None) -> str:
    if text is None or text == "-":
        if text is None and sys.stdin.isatty():
            raise click.UsageError("Name a FILE, put a line in quotes, or pipe a log into it: dmesg | busway why")
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    path = Path(text)
    try:
        return path.read_bytes().decode("utf-8", "replace") if path.is_file() else text
    except OSError as error:
        if error.filename is None or " " in text:  # a long line is no name of a file
            return text
        raise click.UsageError(f"{text} can't be read: {error.strerror}") from error


def _print(story: Story, total: int) -> None:
    _print_line(story.root, total)
    click.echo(wrapped("  cause  ", story.root.means))
    click.echo(wrapped("  do     ", story.root.do))
    finding = story.root.symptom.finding
    if finding:
        click.echo(f"  check  {finding} (`busway doctor` looks for it)")
    for other in story.others:
        click.echo("  then   ", nl=False)
        _print_line(other, total, indent=9)
        click.echo(wrapped("         ", other.means))
    click.echo("")


def _print_line(answer: Answer, total: int, indent: int = 0) -> None:
    place = f"line {answer.number}: " if total > 1 else ""
    more = f"  ({answer.count} lines)" if answer.count > 1 else ""
    room = 100 - indent - len(place) - len(more)
    line = answer.line if len(answer.line) <= room else f"{answer.line[: room - 1]}…"
    click.echo(f"{place}{line}{more}")


def _fields(story: Story) -> dict[str, object]:
    return {**_answer(story.root), "note": story.is_note, "then": [_answer(one) for one in story.others]}


def _answer(answer: Answer) -> dict[str, object]:
    return {
        "symptom": answer.symptom.name,
        "emitter": answer.symptom.emitter.name,
        "spelling": answer.spelling,
        "finding": answer.symptom.finding,
        "source": answer.symptom.source,
        "device": answer.slot,
        "line": answer.line,
        "number": answer.number,
        "count": answer.count,
        "cause": answer.means,
        "fix": answer.do,
    }
