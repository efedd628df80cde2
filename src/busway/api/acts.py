"""What a request does, in the words of the audit; and the record of one that was refused."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from starlette.requests import Request

from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.control.context import Control
from busway.domain.errors import BuswayError, Forbidden, NotAuthenticated, NotFound, OverQuota
from busway.store import audit
from busway.store.audit import Act, Record

_CHANGES = ("PUT", "PATCH", "DELETE")
_READS = ("GET", "HEAD", "OPTIONS")
# Where the last word of a path is not the name of the table.
_TABLES = {
    "os-keypairs": "keypairs",
    "os-aggregates": "aggregates",
    "os-server-groups": "server_groups",
    "domains": "projects",
    "groups": "user_groups",
    "limits": "quotas",
    "registered_limits": "quotas",
    "OS-EC2": "credentials",
}
_INTERNAL = "internal"  # the code that the client of a 500 is told
_DEEDS = ("action", "file", "recycle", "tokens")


def act_of(
    control: Control,
    request: Request,
    operation: str,
    address: str,
    *,
    is_login: bool,
    makes: bool = False,
    query: Collection[str] = (),
) -> Act | None:
    """The act that a request is, None for one that only reads; `operation` is the name of its rule.

    A GET that `makes` things is an act where it has made some. `query` names the parameters that say what a change is about.
    """
    if request.method in _READS and not makes:
        return None
    # "/compute/v2.1/servers/4f…/action" is about "servers/4f…".
    words = request.scope["path"].strip("/").split("/")[2:]
    if words and words[-1] in _DEEDS:
        words = words[:-1]
    table = _TABLES.get(words[-1], words[-1].replace("-", "_")) if words and request.method == "POST" else ""
    record = Record(
        at=control.now(),
        request_id=request.scope.get(REQUEST_ID, ""),
        operation=operation[:128],
        method=request.method,
        target="/".join(words) + _asked(request, query),
        address=address[:64],
    )
    return Act(record, table, is_login=is_login)


def _asked(request: Request, names: Collection[str]) -> str:
    """The known parameters of a change: "?user_id=4f…". A creation's target is what it makes."""
    known = [(name, value) for name, value in request.query_params.multi_items() if name in names]
    return f"?{urlencode(known)}" if known and request.method in _CHANGES else ""


def record_error(control: Control, act: Act, error: BuswayError) -> None:
    """Records that a request was refused because of missing rights, or that a request with an effect ended with an error."""
    if act.is_written:
        with control.db.write(aside=True) as tx:
            audit.mark_failed(tx, act.record.request_id, error.code)
        return
    refused = isinstance(error, Forbidden) and not isinstance(error, OverQuota)
    failed_login = isinstance(error, NotAuthenticated | NotFound) and act.is_login and error.code != "login-wait"
    if (refused and act.record.user_id) or failed_login:
        with control.db.write(aside=True) as tx:
            audit.deny(tx, act, error.code)


def record_failure(control: Control, act: Act) -> None:
    """Writes down that Busway itself failed at a request of somebody known, whether it had an effect or not."""
    if not act.is_written and not act.record.user_id:
        return
    with control.db.write(aside=True) as tx:
        if act.is_written:
            audit.mark_failed(tx, act.record.request_id, _INTERNAL)
        else:
            audit.fail(tx, act, _INTERNAL)
