"""`busway why`: what a line of a log means, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from busway.doctor.symptom import Answer


@click.command()
@click.argument("text", metavar="[FILE]", required=False)
@json_option
def why(text: str | None, as_json: bool) -> None:
    """Explain log lines of the kernel, QEMU or libvirt.

    Give a FILE, a line in quotes, or standard input.

    Ends with 1 when nothing in it is known.
    """
    from busway.doctor.symptom import explain, symptoms

    lines = _read(text).splitlines()
    answers = explain(lines)
    if as_json:
        print_json([_fields(answer) for answer in answers])
    else:
        for answer in answers:
            _print(answer, len(lines))
        if not answers:
            click.echo(f"Unknown: none of {len(lines)} lines is among the {len(symptoms())} symptoms known here.")
    if not answers:
        sys.exit(1)


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


def _print(answer: Answer, total: int) -> None:
    place = f"line {answer.number}: " if total > 1 else ""
    more = f"  ({answer.count} lines)" if answer.count > 1 else ""
    click.echo(f"{place}{answer.line}{more}")
    click.echo(f"  cause  {answer.cause}")
    click.echo(f"  do     {answer.fix}")
    if answer.symptom.finding:
        click.echo(f"  check  {answer.symptom.finding} (`busway doctor` looks for it)")
    click.echo("")


def _fields(answer: Answer) -> dict[str, object]:
    return {
        "symptom": answer.symptom.name,
        "finding": answer.symptom.finding,
        "line": answer.line,
        "number": answer.number,
        "count": answer.count,
        "cause": answer.cause,
        "fix": answer.fix,
    }
