"""The page of results: one row and one section per service, so that a run of one service replaces its own only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tools.tempest.interop import guideline, required
from tools.tempest.left_out import in_fewer_words
from tools.tempest.outcomes import Outcome, by_why, count

_SECTION = re.compile(r"^<!-- (?P<name>\w+) -->\n(?P<text>.*?)^<!-- end -->\n", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (?P<name>\w+) \|(?P<cells>[^\n]*)\|$", re.MULTILINE)
_INTEROP = re.compile(r"^\| of (?P<name>\w+) \|(?P<cells>[^\n]*)\|$", re.MULTILINE)

_HEAD = """\
# Conformance

What OpenStack's own suite, Tempest {tempest}, says of Busway. `make tempest` writes this page: it starts a control plane with two
simulated hosts of eight GPUs on loopback (SQLite) and runs all tests of each service; `make tempest ONLY=network` runs one service and
replaces its part, `make tempest ONLY=REGEX` runs some tests and writes nothing. What Busway leaves out on purpose counts as skipped,
with the reason.

The row `guests` has those tests of servers (compute and scenario) that log in to a guest, or that mean little without one: two hosts in
namespaces run Busway's agent, libvirt, QEMU (which emulates the processor), Open vSwitch and OVN, and Tempest reaches the guests by ssh
at their fixed addresses, on a network of type geneve where it has a port. Each test is in one row. Three tests there ask for a public
network only to know that guests can be reached: their configuration names that network. Two tests there give a card an address, which is
for the owners of a network: their projects have networks and routers of their own, and Tempest reaches their guests as in the next row.

The row `floating` has the scenarios of networks on the same two hosts: projects make networks and routers of their own, and Tempest is
outside, on the external network, from where it reaches the guests by ping and ssh at their floating addresses.

The row `network` runs with OVN's northbound database, which takes what Busway writes, and networks of projects are of type geneve, so that
there are routers and floating IP addresses; no packet is sent. Tests of DHCP options run on a second cloud, whose networks are local.
Likewise the tests of `compute` that take floating addresses, or have a network made for a server, run on a second cloud with routers,
where projects have networks of their own.

| service | passed | failed | skipped | tests | version | date |
|---|---|---|---|---|---|---|
"""


_OF_GUIDELINE = """\
## Interoperability

OpenStack's interoperability guideline {name} says which of Tempest's tests a product must pass to be called OpenStack Powered Compute: it
requires {required}, and flags {flagged} more as faulty or as asking for too much. There are newer guidelines, which were not at hand when this page was
made. {volumes} of the required tests are of volumes. Busway has none, so it can't carry that name; most of these tests
are in no row here. Of the {others} others these are in Tempest {tempest} and were run, each counted in one row:

| part | required | passed | failed | skipped | failed or skipped because |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Part:
    """The results of one service."""

    service: str
    outcomes: Sequence[Outcome]
    version: str
    date: str


def write_page(old: str, tempest: str, parts: Sequence[Part], order: Sequence[str]) -> str:
    """Return the page with `parts` in the place of what `old` said of them."""
    rows = {found["name"]: found["cells"].strip() for found in _ROW.finditer(old)}
    interop = {found["name"]: found["cells"].strip() for found in _INTEROP.finditer(old)}
    sections = {found["name"]: found["text"] for found in _SECTION.finditer(old)}
    for part in parts:
        totals = count(part.outcomes)
        numbers = (*totals.values(), len(part.outcomes))
        rows[part.service] = " | ".join([*map(str, numbers), part.version, part.date])
        sections[part.service] = _section(part)
        if part.service in interop or required(part.outcomes):
            interop[part.service] = _interop_cells(part)
    there = [name for name in order if name in rows]
    lines = [f"| {name} | {rows[name]} |" for name in there]
    texts = [f"<!-- {name} -->\n{sections[name]}<!-- end -->\n" for name in there if name in sections]
    whole = [_HEAD.format(tempest=tempest) + "\n".join([*lines, _total(rows, there, 2), ""])]
    if interop:
        whole.append(_interoperability(tempest, interop, [name for name in order if name in interop]))
    return "\n".join([*whole, *texts])


def _interoperability(tempest: str, rows: Mapping[str, str], there: Sequence[str]) -> str:
    known = guideline()
    words = {
        "name": known.name,
        "required": len(known.required),
        "flagged": len(known.flagged),
        "volumes": len(known.of_volumes),
        "others": len(known.required - known.of_volumes),
    }
    total = _total(rows, there, 1)
    return (
        _OF_GUIDELINE.format(tempest=tempest, **words)
        + "\n".join([*(f"| of {name} | {rows[name]} |" for name in there), total])
        + "\n"
    )


def _interop_cells(part: Part) -> str:
    found = required(part.outcomes)
    totals = count(found)
    reasons = [
        f"{len(names)}: {_cell(in_fewer_words(why))}"
        for status in ("failed", "skipped")
        for why, names in by_why(found, status)
    ]
    return " | ".join([str(len(found)), *map(str, totals.values()), "; ".join(reasons) or "-"])


def _total(rows: Mapping[str, str], there: Sequence[str], empty: int) -> str:
    numbers = [[int(cell) for cell in rows[name].split(" | ")[:4]] for name in there]
    sums = [str(sum(column)) for column in zip(*numbers, strict=True)]
    return "| " + " | ".join(["**all**", *sums]) + " |" + " |" * empty


def _section(part: Part) -> str:
    lines = [f"## {part.service.capitalize()}", ""]
    failed = by_why(part.outcomes, "failed")
    lines += ["Nothing fails.", ""] if not failed else ["| failed | cause | tests |", "|---|---|---|"]
    lines += [f"| {len(names)} | `{_cell(why)}` | {', '.join(map(_name, names))} |" for why, names in failed]
    lines += [""] if failed else []
    skipped = by_why([replace(each, why=in_fewer_words(each.why)) for each in part.outcomes], "skipped")
    if skipped:
        lines += ["| skipped | reason |", "|---|---|"]
        lines += [f"| {len(names)} | {_cell(why)} |" for why, names in skipped]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that stays in its cell, also in backquotes."""
    return text.replace("|", "/").replace("`", "'").replace("<", "(").replace(">", ")")


def _name(name: str) -> str:
    return re.sub(r"^tempest\.(api\.)?", "", name)
