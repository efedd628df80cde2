"""`busway config`: whether a configuration file says what its writer meant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import json_option, print_json
from busway.cli.words import Words

if TYPE_CHECKING:
    from busway.bootstrap.config_check import ConfigReport


@click.group(cls=Words)
def config() -> None:
    """Check a configuration file, or a nova.conf."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--here", is_flag=True, help="Also check which of this machine's devices match the aliases and specs.")
@json_option
def check(file: Path, here: bool, as_json: bool) -> None:
    """Print the errors and warnings of a file.

    Each has its line, meaning and remedy. The exit code is 1 if there is an error.
    """
    from busway.bootstrap.config_check import check_config
    from busway.hardware import Machine

    report = check_config(file, Machine.read().inventory if here else None)
    if as_json:
        print_json(_json(report))
    else:
        _print(report)
    if report.errors:
        sys.exit(1)


def _print(report: ConfigReport) -> None:
    for fault in report.errors:
        error = fault.error
        of_file = fault.option == "-"  # the file as a whole
        head, lines = (error.brief, (error.detail,)) if of_file else (fault.option, (error.brief, error.detail))
        _print_one("Error", fault.line, head, lines, error.remedy, error.code)
    for warning in report.warnings:
        _print_one("Warning", warning.line, warning.option, (warning.meaning,), warning.remedy, warning.code)
    if report.ignored:
        click.echo(f"Ignored, for they mean nothing here:\n  {_ignored(report)}\n")
    counts = (
        _count(len(report.errors), "error"),
        _count(len(report.warnings), "warning"),
        _count(len(report.ignored), "option") + " ignored",
        _count(len(report.aliases), "alias", "aliases"),
        _count(report.device_specs, "device spec"),
    )
    click.echo(f"{report.path}: {', '.join(counts)}.")


def _print_one(word: str, line: int | None, option: str, lines: tuple[str, ...], remedy: str, code: str) -> None:
    where = f", line {line}" if line is not None else ""
    click.echo(f"{word}{where}: {option}")
    for text in lines:
        if text:
            click.echo(f"  {text}")
    click.echo(f"  What to do: {remedy}\n  [{code}]\n")


def _ignored(report: ConfigReport) -> str:
    sections: dict[str, dict[str, list[str]]] = {}
    for entry in report.ignored:
        sections.setdefault(entry.section, {}).setdefault(entry.key, []).append(str(entry.line))
    return "\n  ".join(
        f"[{section}] "
        + ", ".join(f"{key} ({'line' if len(at) == 1 else 'lines'} {', '.join(at)})" for key, at in keys.items())
        for section, keys in sections.items()
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _json(report: ConfigReport) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "errors": [
            {
                "line": fault.line,
                "option": fault.option,
                "brief": fault.error.brief,
                "detail": fault.error.detail,
                "remedy": fault.error.remedy,
                "code": fault.error.code,
            }
            for fault in report.errors
        ],
        "warnings": [
            {"line": w.line, "option": w.option, "meaning": w.meaning, "remedy": w.remedy, "code": w.code}
            for w in report.warnings
        ],
        "ignored": [{"line": e.line, "section": e.section, "option": e.key} for e in report.ignored],
        "aliases": list(report.aliases),
        "device_specs": report.device_specs,
    }
