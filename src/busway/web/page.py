"""One page: its path, its rule of rights, its handler; and how a request becomes a `View`.

As in the API, the one asynchronous step reads the body; one thread then finds the session, checks the form, asks the
rule and runs the handler. A page that shows data reads it with the use cases of the API; a page that changes data
runs its operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from busway.api.access_log import seen
from busway.api.body import read_body
from busway.api.bounds import BODY_BYTES
from busway.api.errors import status_of
from busway.api.microversion import MAXIMUM
from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.operation import Threads
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import BuswayError, NotAuthenticated, NotFound
from busway.policy import allows, authorize
from busway.web.form import Form, parse_form
from busway.web.inner import Answer, operate
from busway.web.render import NO_STORE, SECURITY, render
from busway.web.session import CSRF_FIELD, CSRF_HEADER, Session, check_form, read_session, whose

Handler = Callable[["View"], Response]
_UNKNOWN = NotAuthenticated("Log in to see this page", code="session-missing")


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the console's table; the path is below `/ui`.

    A page without a `rule` is for every logged-in user, and a `public` one for visitors too. One that `hashes`
    passwords runs in the threads for that.
    """

    method: str
    path: str
    handler: Handler
    rule: str = ""
    public: bool = False
    hashes: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One request of a browser, as a handler is given it."""

    control: Control
    request: Request
    session: Session
    form: Form = field(default_factory=Form)

    @property
    def caller(self) -> Caller:
        """Who has logged in; raises `NotAuthenticated` for a visitor."""
        if self.session.caller is None:
            raise _UNKNOWN
        return self.session.caller

    @property
    def path(self) -> Mapping[str, str]:
        """The parts of the path by name."""
        found: Mapping[str, str] = self.request.path_params
        return found

    def query(self, name: str) -> str:
        """A value of the query, "" where there is none."""
        return str(self.request.query_params.get(name, "")).strip()

    def may(self, rule: str) -> bool:
        """True when a rule of rights lets the caller act on what is their own."""
        return self.session.caller is not None and allows(self.session.caller, rule)

    def do(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        version: int = MAXIMUM,
        **names: str,
    ) -> Answer:
        """Runs an operation of the API as the caller; see `operate`."""
        return operate(self.control, self.request, self.session.secret, method, path, body, query, version, **names)

    def render(self, template: str, error: BuswayError | None = None, **values: Any) -> Response:
        """A page of a template; with an error it is that of a form again, with why it was refused."""
        return render(self, template, 200 if error is None else status_of(error), {**values, "error": error})

    def go(self, path: str, done: str = "") -> Response:
        """Sends the browser on after something was done; `done` names the text that says so."""
        mark = "" if not done else ("&" if "?" in path else "?") + f"done={done}"
        return RedirectResponse(f"/ui{path}{mark}", 303, headers=NO_STORE)


def route(control: Control, threads: Threads, page: Page) -> Route:
    """Makes Starlette's route of a page."""

    async def endpoint(request: Request) -> Response:
        data = await read_body(request, BODY_BYTES) if request.method == "POST" else b""
        async with threads.share(whose(request)):
            return await threads.call(_answer, control, page, request, data, hashes=page.hashes)

    return Route(page.path, endpoint, methods=[page.method])


def _answer(control: Control, page: Page, request: Request, data: bytes) -> Response:
    session = read_session(control, request)
    view = View(control, request, session)
    try:
        view = View(control, request, session, parse_form(data) if data else Form())
        check_form(request, session, view.form.raw(CSRF_FIELD) or request.headers.get(CSRF_HEADER, ""))
        admit(view, page)
        return page.handler(view)
    except BuswayError as error:
        return show_error(view, error)


def admit(view: View, page: Page) -> None:
    """Raises unless the caller may see the page."""
    seen(view.request.scope).caller = view.session.caller
    if page.public:
        return
    caller = view.caller
    if page.rule:
        authorize(caller, page.rule)


def show_error(view: View, error: BuswayError) -> Response:
    """The page for an error; visitors without a valid session are sent to the log-in page."""
    if isinstance(error, NotAuthenticated) and view.request.method == "GET":
        return _to_log_in(view)
    status = status_of(error)
    values = {"error": error, "status": status, "request_id": view.request.scope.get(REQUEST_ID, "")}
    return render(view, "error.html", status, values)


def _to_log_in(view: View) -> Response:
    """A browser sends no strict cookie on the way from another site, so that it is asked to come once more."""
    if view.request.headers.get("sec-fetch-site") == "cross-site" and "again" not in view.request.query_params:
        return render(view, "again.html", 200, {"url": view.request.url.include_query_params(again=1)})
    path = view.request.url.path.removeprefix("/ui")
    if view.request.headers.get("hx-request"):
        return Response(status_code=204, headers={**SECURITY, "HX-Redirect": "/ui/login"})
    return RedirectResponse(f"/ui/login?next={path}" if path else "/ui/login", 303, headers={**SECURITY, **NO_STORE})


def not_found(_view: View) -> Response:
    """Answers for a path below `/ui` that has no page."""
    raise NotFound("There is no such page", remedy="Start at the first page: /ui", code="no-such-path")
