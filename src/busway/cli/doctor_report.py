"""A report of the doctor for people: what must be mended first comes first, and what many cards share is said once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from busway.doctor.finding import Finding
    from busway.doctor.report import Report

_NAMED = 6  # further cards that are listed by name


def print_report(report: Report) -> None:
    """Prints the system, the findings by stage, what could not be read, and a verdict for each card."""
    click.echo(f"{report.system}\n")
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
    width = max((len(verdict.card) for verdict in report.verdicts), default=0)
    for verdict in report.verdicts:
        click.echo(f"{verdict.card.ljust(width)}  {verdict.words}  ({verdict.description})")
    if not report.verdicts:
        click.echo("This machine has no GPU that PCI shows. Name any other device to examine it.")


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
    click.echo(f"  {finding.severity}  {finding.brief}  [{finding.code}]")
    for one in finding.evidence:
        click.echo(f"    read   {one.file}: {one.text}")
    click.echo(f"    cause  {finding.cause}")
    click.echo(f"    do     {finding.remedy}")
    if others:
        names = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
        click.echo(f"    also   the same of {names}; `busway doctor {others[0]}` shows one of them in full")
    click.echo("")
