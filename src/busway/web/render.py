"""Templates to answers: every value is escaped, and nothing that a page needs is written into it as script or style."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import Response

from busway.domain.status import DeviceStatus
from busway.web import navigation
from busway.web.assets import asset_url
from busway.web.session import THEME, THEMES
from busway.web.texts import texts
from busway.web.words import fault_words

if TYPE_CHECKING:
    from busway.web.page import View

SECURITY: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
NO_STORE: Mapping[str, str] = {"cache-control": "no-store"}
_FIELD = Markup('<input type="hidden" name="csrf" value="{}">')
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def render(view: View, template: str, status: int, values: Mapping[str, Any]) -> Response:
    """A page of a template, with what every page shows."""
    theme = view.request.cookies.get(THEME, "")
    done = getattr(texts().done, view.query("done").replace("-", "_"), "")
    common = {
        "t": texts(),
        "view": view,
        "csrf": lambda: _FIELD.format(view.session.csrf),
        "caller": view.session.caller,
        "places": navigation.places(view),
        "here": view.request.url.path,
        "theme": theme if theme in THEMES else "auto",
        "done": done,
        "error": None,
        "now": view.control.now(),
    }
    text = _environment().get_template(template).render({**common, **values})
    return Response(text, status, {**SECURITY, **NO_STORE}, media_type="text/html")


def render_alone(template: str) -> Response:
    """A page that is the same for everybody; its address, which may contain a secret, is not passed on."""
    text = _environment().get_template(template).render(t=texts())
    return Response(text, headers={**SECURITY, **NO_STORE, "referrer-policy": "no-referrer"}, media_type="text/html")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("busway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        auto_reload=False,
    )
    environment.filters.update(clock=clock, ago=ago, size=size, mib=mib, ticks=ticks, fault=fault_words)
    environment.globals.update(asset=asset_url, statuses=[str(each) for each in DeviceStatus])
    return environment


def ticks(text: str) -> Markup:
    """A text of which what is in backticks is code; all of it is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )


def clock(at: datetime | None) -> str:
    """A time as people read it: 2026-01-31 12:00:00 UTC."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago something was: "5 s", "3 min", "2 h", "4 d"; "never" for None."""
    if at is None:
        return str(texts().common.never)
    passed = max(now - at, timedelta())
    for seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if passed.total_seconds() >= seconds:
            return f"{int(passed.total_seconds() // seconds)} {unit}"
    return f"{int(passed.total_seconds())} s"


def size(count: int | None) -> str:
    """Bytes as people read them: "1.5 GiB"."""
    if count is None:
        return ""
    value = float(count)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}".replace(".0 ", " ")
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}".replace(".0 ", " ")


def mib(count: int) -> str:
    """MiB as people read them."""
    return size(count * 1024**2)
