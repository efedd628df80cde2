"""Prints a report of the doctor: the findings in the order in which to fix them, and findings about several cards only once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from busway.cli.width import wrapped
from busway.domain.text import some_of

if TYPE_CHECKING:
    from busway.doctor.finding import Finding
    from busway.doctor.report import Report, Verdict

_NAMED = 6  # further cards that are listed by name
_READ = 6  # files of evidence that are shown


def print_report(report: Report) -> None:
    """Prints the system, the findings by stage, what could not be read, and a verdict for each card."""
    click.echo(wrapped("", report.system) + "\n")
    stage = ""
    for first, others in _alike(report.findings):
        if first.stage != stage:
            stage = first.stage
            click.echo(f"{stage[0].upper()}{stage[1:]}")
        _print_finding(first, others)
    if report.not_read:
        click.echo("Not read, because only root may:")
        for name in report.not_read:
            click.echo(f"  {name}")
        click.echo("")
    _print_verdicts(report.verdicts)
    if not report.verdicts:
        click.echo("This machine has no GPU that PCI shows. Name any other device to examine it.")


def _print_verdicts(verdicts: Iterable[Verdict]) -> None:
    """One line for each card; equal cards are one line with their number, the first and the last of them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in verdicts:
        groups.setdefault((one.words, one.description), []).append(one.card)
    names = {key: _named(cards) for key, cards in groups.items()}
    width = max(map(len, names.values()), default=0)
    for words, description in groups:
        name = names[words, description]
        click.echo(wrapped(f"{name.ljust(width)}  ", f"{words}  ({description})"))


def _named(cards: list[str]) -> str:
    return cards[0] if len(cards) == 1 else f"{len(cards)} cards, {cards[0]} to {cards[-1]}"


def _alike(findings: Iterable[Finding]) -> list[tuple[Finding, list[str]]]:
    """Each finding with the further cards of which the same is true."""
    found: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for one in findings:
        key = (one.code, one.severity, one.cause) if one.card else (one.brief,)
        if key in found and one.card:
            found[key][1].append(one.card)
        else:
            found[key] = one, []
    return list(found.values())


def _print_finding(finding: Finding, others: list[str]) -> None:
    click.echo(wrapped(f"  {finding.severity}  ", f"{finding.brief}  [{finding.code}]"))
    for one in finding.evidence[:_READ]:
        click.echo(wrapped("    read   ", f"{one.file}: {one.text}"))
    if len(finding.evidence) > _READ:
        click.echo(f"    read   and {len(finding.evidence) - _READ} files more, which --json has")
    click.echo(wrapped("    cause  ", finding.cause))
    click.echo(wrapped("    do     ", finding.remedy))
    if others:
        click.echo(
            wrapped(
                "    also   ",
                f"the same of {some_of(others, _NAMED)}; `busway doctor {others[0]}` shows one of them in full",
            )
        )
    click.echo("")
