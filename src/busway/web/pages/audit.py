"""Audit: who changed what, who logged in, and who was refused."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.audit import list_records
from busway.store.audit import AuditFilter
from busway.web.page import Page, View

_MOST = 200


def _list(view: View) -> Response:
    target = view.query("q")
    records = list_records(view.control, view.caller, AuditFilter(target=target or None, limit=_MOST))
    return view.render("audit.html", records=records, q=target)


PAGES = (Page("GET", "/audit", _list, rule="busway:audit:list"),)
