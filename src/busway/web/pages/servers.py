"""Servers: the list, one of them with its devices, its log and its story, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from busway.control.images.catalogue import get_image
from busway.control.servers.read import console_output, get_server, list_servers
from busway.control.servers.why import why
from busway.domain.errors import BuswayError, NotFound
from busway.domain.requests import ServerFilter
from busway.domain.server import Server, ServerStatus
from busway.web.cabinets import drawn
from busway.web.page import Page, View
from busway.web.render import NO_STORE

_ACTION = "/compute/v2.1/servers/{id}/action"
_REMOTE = "/compute/v2.1/servers/{id}/remote-consoles"
CONSOLE_RULE = "os_compute_api:os-remote-consoles"
# What a guest's console is called here, and its protocol and type in Nova's words.
CONSOLES: Mapping[str, tuple[str, str]] = {"screen": ("vnc", "novnc"), "serial": ("serial", "serial")}
_MOST = 500
_LOG_LINES = 500


@dataclass(frozen=True, slots=True)
class Deed:
    """An action on a server: its body, its rule, and the states from which it is offered."""

    body: Mapping[str, object]
    rule: str
    of: frozenset[ServerStatus]
    asks: bool = False


def _of(*statuses: ServerStatus) -> frozenset[ServerStatus]:
    return frozenset(statuses)


_RUNS, _OFF = ServerStatus.ACTIVE, ServerStatus.SHUTOFF
_PAUSED, _SUSPENDED = ServerStatus.PAUSED, ServerStatus.SUSPENDED
_KNOWN = (_RUNS, _OFF, _PAUSED, _SUSPENDED)
DEEDS: Mapping[str, Deed] = {
    "start": Deed({"os-start": None}, "os_compute_api:servers:start", _of(_OFF)),
    "stop": Deed({"os-stop": None}, "os_compute_api:servers:stop", _of(_RUNS), asks=True),
    "reboot": Deed({"reboot": {"type": "SOFT"}}, "os_compute_api:servers:reboot", _of(_RUNS), asks=True),
    "reset": Deed({"reboot": {"type": "HARD"}}, "os_compute_api:servers:reboot", _of(*_KNOWN), asks=True),
    "pause": Deed({"pause": None}, "os_compute_api:os-pause-server:pause", _of(_RUNS), asks=True),
    "unpause": Deed({"unpause": None}, "os_compute_api:os-pause-server:unpause", _of(_PAUSED)),
    "suspend": Deed({"suspend": None}, "os_compute_api:os-suspend-server:suspend", _of(_RUNS), asks=True),
    "resume": Deed({"resume": None}, "os_compute_api:os-suspend-server:resume", _of(_SUSPENDED)),
    "rescue": Deed({"rescue": None}, "os_compute_api:os-rescue", _of(_RUNS, _OFF), asks=True),
    "unrescue": Deed({"unrescue": None}, "os_compute_api:os-unrescue", _of(ServerStatus.RESCUE), asks=True),
    "shelve": Deed({"shelve": None}, "os_compute_api:os-shelve:shelve", _of(*_KNOWN), asks=True),
    "unshelve": Deed(
        {"unshelve": None},
        "os_compute_api:os-shelve:unshelve",
        _of(ServerStatus.SHELVED, ServerStatus.SHELVED_OFFLOADED),
    ),
    "confirm": Deed({"confirmResize": None}, "os_compute_api:servers:confirm_resize", _of(ServerStatus.VERIFY_RESIZE)),
    "revert": Deed({"revertResize": None}, "os_compute_api:servers:revert_resize", _of(ServerStatus.VERIFY_RESIZE)),
    "restore": Deed({"restore": None}, "os_compute_api:os-deferred-delete:restore", _of(ServerStatus.SOFT_DELETED)),
    "purge": Deed(
        {"forceDelete": None}, "os_compute_api:os-deferred-delete:force", _of(ServerStatus.SOFT_DELETED), asks=True
    ),
    "migrate": Deed({"migrate": {}}, "os_compute_api:os-migrate-server:migrate", _of(_RUNS, _OFF), asks=True),
}


def _list(view: View) -> Response:
    everybody = view.caller.is_admin and view.query("all") != "0"
    found = list_servers(
        view.control, view.caller, ServerFilter(all_projects=everybody, soft_deleted=True, limit=_MOST)
    )
    asked = view.query("q").lower()
    shown = [server for server in found if not asked or asked in _words(server)]
    return view.render("servers.html", servers=shown, total=len(found), q=view.query("q"), everybody=everybody)


def _words(server: Server) -> str:
    addresses = " ".join(address.address for address in server.addresses)
    words = (server.name, server.id, server.status, server.flavor.name, server.host_name or "", addresses)
    return " ".join(map(str, words)).lower()


def _show(view: View, error: BuswayError | None = None) -> Response:
    story = why(view.control, view.caller, view.path["id"])
    server = story.server
    refusals = server.fault.hosts if server.fault else ()
    deeds = [name for name, deed in DEEDS.items() if server.status in deed.of and view.may(deed.rule)]
    try:
        image = get_image(view.control, view.caller, server.image_id).name or server.image_id
    except NotFound:
        image = server.image_id
    values = {
        "server": server,
        "story": story,
        "deeds": deeds,
        "asking": DEEDS,
        "image": image,
        "consoles": _consoles(view, server),
        **drawn(view, {}, refusals, refusals[0].host if refusals else ""),
    }
    return view.render("server.html", error, **values)


def _consoles(view: View, server: Server) -> list[str]:
    return list(CONSOLES) if server.status is ServerStatus.ACTIVE and view.may(CONSOLE_RULE) else []


def _act(view: View) -> Response:
    server_id = view.path["id"]
    name = view.form.text("deed")
    try:
        if name == "delete":
            view.do("DELETE", "/compute/v2.1/servers/{id}", id=server_id)
            return view.go("/servers", "deleted")
        if name not in DEEDS:
            raise NotFound("There is no such action", code="no-such-action")
        view.do("POST", _ACTION, DEEDS[name].body, id=server_id)
    except BuswayError as error:
        get_server(view.control, view.caller, server_id)
        return _show(view, error)
    return view.go(f"/servers/{server_id}", "asked")


def _console(view: View) -> Response:
    """Sends the browser on to the console's page; its link is good for this server, and for a short time."""
    server_id, name = view.path["id"], view.form.text("console")
    try:
        if name not in CONSOLES:
            raise NotFound("There is no such console", code="no-such-action")
        protocol, kind = CONSOLES[name]
        made = view.do("POST", _REMOTE, {"remote_console": {"protocol": protocol, "type": kind}}, id=server_id)
    except BuswayError as error:
        get_server(view.control, view.caller, server_id)
        return _show(view, error)
    link = urlsplit(made.body["remote_console"]["url"])  # on this server, by whatever name the browser knows it
    return RedirectResponse(f"{link.path}?{link.query}", 303, headers=NO_STORE)


def _log(view: View) -> Response:
    server = get_server(view.control, view.caller, view.path["id"])
    text = console_output(view.control, view.caller, server.id, _LOG_LINES)
    return view.render("server_log.html", server=server, text=text, lines=_LOG_LINES)


PAGES = (
    Page("GET", "/servers", _list, rule="os_compute_api:servers:index"),
    Page("GET", "/servers/{id}", _show, rule="busway:servers:why"),
    Page("POST", "/servers/{id}", _act),
    Page("POST", "/servers/{id}/console", _console),
    Page("GET", "/servers/{id}/log", _log, rule="os_compute_api:os-console-output"),
)
