"""Draws a look at a cloud within a width and a height: what needs somebody comes first, and what does not fit is counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from busway.cli.top_look import Look, Row, state

# A letter and a colour for each status: nobody has to tell colours apart.
LETTERS = {
    "available": (".", "green"),
    "claimed": ("c", "yellow"),
    "allocated": ("A", "cyan"),
    "quarantined": ("Q", "bold red"),
    "unclaimable": ("-", "dim"),
    "unavailable": ("-", "dim"),
    "removed": ("x", "red"),
    "deleted": ("x", "red"),
}
_PARTS = (0.5, 0.25)  # of the height: hosts, servers; events have the rest
_AROUND = 4  # lines of a table that are no rows


def frame(look: Look, width: int, height: int | None, trouble: str = "") -> RenderableType:
    """The whole picture; without a height nothing is left out."""
    room = None if height is None else max(height - 1 - bool(trouble), 3 * (_AROUND + 1))
    hosts = _most(room, _PARTS[0])
    servers = _most(room, _PARTS[1])
    events = (
        None if room is None else max(room - _used(look.hosts, hosts) - _used(look.under_way, servers) - _AROUND, 1)
    )
    parts: list[RenderableType] = [_summary(look, width)]
    if trouble:
        parts.append(Text(trouble.replace("\n", " ")[:width], style="bold red"))
    parts += [_hosts(look, hosts), _servers(look, servers), _events(look, events)]
    return Group(*parts)


def _most(room: int | None, share: float) -> int | None:
    return None if room is None else max(int(room * share) - _AROUND, 1)


def _used(rows: Sequence[Row], most: int | None) -> int:
    return min(len(rows), most if most is not None else len(rows)) + _AROUND


def _summary(look: Look, width: int) -> Text:
    up = sum(row["up"] for row in look.hosts)
    statuses = Counter(row["status"] for row in look.devices)
    summary = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    line = f"hosts {up}/{len(look.hosts)} up   devices {len(look.devices)}: {summary or 'none'}   servers {len(look.servers)}"
    text = Text(line, style="bold", no_wrap=True, overflow="ellipsis")
    text.truncate(width, overflow="ellipsis")
    return text


def _hosts(look: Look, most: int | None) -> Table:
    devices: dict[str, list[Row]] = defaultdict(list)
    for row in look.devices:
        devices[row["host"]].append(row)
    rows = sorted(look.hosts, key=lambda row: (_calm(row, devices[row["name"]]), row["name"]))
    table = _table("HOST", "STATE", "SERVERS", "DEVICES")
    for row in _shown(rows, most):
        mark = ("up" if row["up"] else "DOWN") + ("" if row["enabled"] else ", disabled")
        table.add_row(
            _plain(row["name"]),
            Text(mark, "green" if row["up"] else "bold red"),
            str(row["servers"]),
            _letters(devices[row["name"]]),
        )
    return _more(table, len(rows))


def _calm(host: Row, devices: list[Row]) -> bool:
    return bool(host["up"]) and not any(row["status"] in ("quarantined", "removed") for row in devices)


def _letters(devices: list[Row]) -> Text:
    """A letter for each device, those of one model together."""
    text = Text(no_wrap=True, overflow="ellipsis")
    model = ""
    for row in sorted(devices, key=lambda row: (row["vendor_id"], row["product_id"], row["address"])):
        found = f"{row['vendor_id']}:{row['product_id']}"
        if found != model:
            text.append(f"{' ' if model else ''}{found} ", "dim")
            model = found
        text.append(*LETTERS.get(row["status"], ("?", "")))
    return text


def _servers(look: Look, most: int | None) -> Table:
    table = _table("UNDER WAY", "STATE", "HOST", "WHY")
    for row in _shown(look.under_way, most):
        fault = (row.get("fault") or {}).get("message", "")
        table.add_row(_plain(row["name"]), state(row), _plain(row.get("OS-EXT-SRV-ATTR:host") or "-"), _plain(fault))
    return _more(table, len(look.under_way))


def _events(look: Look, most: int | None) -> Table:
    table = _table("EVENT", "WHAT", "TO", "REASON")
    for row in look.events[:most]:
        table.add_row(str(row["at"])[11:19], *(_plain(row[name]) for name in ("subject", "new", "reason")))
    return table


def _plain(text: object) -> str:
    """A text on one line without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text or ""))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == columns[-1] else None)
    return table


def _shown(rows: Sequence[Row], most: int | None) -> Sequence[Row]:
    """The rows that fit, with one line less where the rest is counted in it."""
    return rows if most is None or len(rows) <= most else rows[: most - 1]


def _more(table: Table, count: int) -> Table:
    if count > table.row_count:
        table.add_row(f"and {count - table.row_count} more")
    return table
