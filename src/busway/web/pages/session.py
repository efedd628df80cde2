"""Log-in, log-out, the project in which the session acts, the password, and the look of the console."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.responses import Response

from busway.control.identity.grants import list_own_system_roles
from busway.control.identity.projects import list_own_projects
from busway.domain.errors import BuswayError
from busway.domain.identity import DOMAIN_ID
from busway.web.page import Page, View
from busway.web.session import COOKIE, THEME, THEMES, VISITOR, Session, clear_cookie, set_cookie

_TOKENS = "/identity/v3/auth/tokens"
_SUBJECT = "x-subject-token"


def _start(view: View) -> Response:
    if view.may("busway:devices:list"):
        return view.go("/map")
    return view.go("/servers" if view.may("os_compute_api:servers:index") else "/session")


def _show_log_in(view: View, error: BuswayError | None = None) -> Response:
    """The form; it is bound to a secret of its own, so that nobody logs a browser in as somebody else."""
    secret = view.session.secret if view.session.caller is None and view.session.secret else secrets.token_urlsafe(32)
    shown = View(view.control, view.request, Session(secret, None), view.form)
    values = {"next": _next(view), "user": view.form.text("user"), "project": view.form.text("project")}
    answer = shown.render("login.html", error, **values)
    set_cookie(answer, view.request, VISITOR, secret)
    return answer


def _log_in(view: View) -> Response:
    user = {"name": view.form.text("user"), "password": view.form.raw("password"), "domain": {"id": DOMAIN_ID}}
    identity: dict[str, Any] = {"methods": ["password"], "password": {"user": user}}
    if passcode := view.form.text("passcode"):
        coded = {"name": user["name"], "domain": user["domain"], "passcode": passcode}
        identity |= {"methods": ["password", "totp"], "totp": {"user": coded}}
    project = view.form.text("project")
    scope = {"scope": {"project": {"name": project, "domain": {"id": DOMAIN_ID}}}} if project else {}
    try:
        answer = view.do("POST", _TOKENS, {"auth": {"identity": identity, **scope}})
        secret = answer.headers[_SUBJECT]
        if "project" not in answer.body["token"]:
            secret = _somewhere(view, secret)
    except BuswayError as error:
        return _show_log_in(view, error)
    gone = view.go(_next(view) or "/start")
    set_cookie(gone, view.request, COOKIE, secret)
    clear_cookie(gone, VISITOR)
    return gone


def _somewhere(view: View, secret: str) -> str:
    """A token for the first project of a user whose log-in named none; the same token where there is no project."""
    inside = _as(view, secret)
    projects = list_own_projects(view.control, inside.caller)
    return _rescope(inside, {"project": {"id": projects[0].id}}) if projects else secret


def _as(view: View, secret: str) -> View:
    from busway.control.identity.bearer import authenticate

    return View(view.control, view.request, Session(secret, authenticate(view.control, secret)), view.form)


def _rescope(view: View, scope: dict[str, Any]) -> str:
    identity = {"methods": ["token"], "token": {"id": view.session.secret}}
    answer = view.do("POST", _TOKENS, {"auth": {"identity": identity, "scope": scope}})
    return answer.headers[_SUBJECT]


def _log_out(view: View) -> Response:
    view.do("DELETE", _TOKENS)
    gone = view.go("/login", "logged-out")
    clear_cookie(gone, COOKIE)
    return gone


def _show(view: View, error: BuswayError | None = None) -> Response:
    caller = view.caller
    has_system = bool(list_own_system_roles(view.control, caller))
    values = {"projects": list_own_projects(view.control, caller), "has_system": has_system}
    return view.render("session.html", error, **values)


def _change_scope(view: View) -> Response:
    wanted = view.form.text("project")
    scope = {"system": {"all": True}} if wanted == "system" else {"project": {"id": wanted}}
    try:
        secret = _rescope(view, scope)
    except BuswayError as error:
        return _show(view, error)
    gone = view.go("/start")
    set_cookie(gone, view.request, COOKIE, secret)
    return gone


def _change_password(view: View) -> Response:
    body = {"user": {"original_password": view.form.raw("old"), "password": view.form.raw("new")}}
    try:
        view.do("POST", "/identity/v3/users/{id}/password", body, id=view.caller.user_id)
    except BuswayError as error:
        return _show(view, error)
    gone = view.go("/login", "password")
    clear_cookie(gone, COOKIE)
    return gone


def _set_theme(view: View) -> Response:
    theme = view.form.text("theme")
    gone = view.go(_next(view) or "/start")
    set_cookie(gone, view.request, THEME, theme if theme in THEMES else THEMES[0], days=365)
    return gone


def _next(view: View) -> str:
    """Where to continue: a path of the console, never another site."""
    wanted = (view.form.text("next") or view.query("next")).removeprefix("/ui")
    plain = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if plain and not wanted.startswith("/login") else ""


PAGES = (
    Page("GET", "/start", _start),
    Page("GET", "/login", _show_log_in, public=True),
    Page("POST", "/login", _log_in, public=True, hashes=True),
    Page("POST", "/logout", _log_out),
    Page("POST", "/theme", _set_theme),
    Page("GET", "/session", _show),
    Page("POST", "/scope", _change_scope),
    Page("POST", "/password", _change_password, hashes=True),
)
