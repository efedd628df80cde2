"""What agents ask and report: each one for its own host only, with a bearer token.

A long poll waits as a coroutine that the doorbell wakes, so that hundreds of waiting agents hold no thread
(`held_polls`). A report that says what the last one said is answered from memory.
"""

from __future__ import annotations

import math
from functools import partial

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from busway.api.body import read_body
from busway.api.bounds import CONDITIONS_BYTES, CONSOLE_BYTES, OBSERVED_BYTES
from busway.api.closing import Closing
from busway.api.held_polls import Floor, HeldPolls, Run
from busway.api.image.data import expected_bytes, take_data
from busway.control.agents import access as agents
from busway.control.agents.images import image_file
from busway.control.context import Control
from busway.control.hosts.joining import token_hash
from busway.control.observation.memory import digest_report
from busway.control.servers.password import post_password
from busway.domain.condition import Conditions
from busway.domain.errors import BadInput, Forbidden, NotAuthenticated
from busway.domain.ids import HostId, ServerId
from busway.wire.documents import decode, decode_observed, encode
from busway.wire.join import JoinRequest, RenewRequest

ROOT = "/agent/v1"
MAX_WAIT_SECONDS = 60
AGENT_THREADS = 16
MAX_JOIN_BYTES = 16 * 1024
PASSWORD_BYTES = 4096
SHOWN_HOST = "busway.host"  # where the server puts the host that a client's certificate names


def routes(control: Control, closing: Closing) -> list[Route]:
    """The agents' routes; their use cases have threads of their own, so that they never starve users."""
    agent = _AgentApi(control, closing)
    host, server = f"{ROOT}/hosts/{{host}}", f"{ROOT}/hosts/{{host}}/servers/{{server}}"
    return [
        Route(f"{ROOT}/authority", agent.authority, methods=["GET"]),
        Route(f"{ROOT}/join", agent.join, methods=["POST"]),
        Route(f"{host}/credential", agent.renew, methods=["PUT"]),
        Route(f"{host}/desired", agent.desired, methods=["GET"]),
        Route(f"{host}/observed", agent.observed, methods=["PUT"]),
        Route(f"{host}/conditions", agent.conditions, methods=["PUT"]),
        Route(f"{server}/console", agent.console, methods=["PUT"]),
        Route(f"{server}/password", agent.password, methods=["PUT"]),
        Route(f"{server}/disks/{{image}}", agent.disk, methods=["PUT"]),
        Route(f"{ROOT}/images/{{id}}/file", agent.image, methods=["GET"]),
    ]


class _AgentApi:
    """What answers each of the routes."""

    def __init__(self, control: Control, closing: Closing) -> None:
        self._control = control
        self._run: Run = partial(to_thread.run_sync, limiter=CapacityLimiter(AGENT_THREADS))
        floor = Floor(partial(agents.look, control), control.reports.any_waiting)
        self._polls = HeldPolls(control.bell, self._run, floor, closing)

    async def desired(self, request: Request) -> Response:
        """Holds the poll until the host's document is newer than the one that the agent has."""
        host_id = await self._host(request)
        after, wait = int(number_of(request, "after", -1)), min(number_of(request, "wait", 0), MAX_WAIT_SECONDS)
        read = partial(agents.desired, self._control, host_id, after, 0)
        document = await self._polls.wait(f"host:{host_id}", host_id, after, wait, read)
        return _nothing() if document is None else _json(encode(document))

    async def observed(self, request: Request) -> Response:
        """Takes a report; one that repeats the last is answered from memory."""
        known = _is_remembered(self._control, request)
        if not known:
            host_id = await self._host(request)  # nothing is read of a stranger's report
        body = await read_body(request, OBSERVED_BYTES)
        report = digest_report(body)
        secret = token_hash(_bearer(request))
        if known:
            name = request.path_params["host"]
            if report is not None and self._control.reports.is_again(name, secret, report, self._control.now()):
                self._polls.watch()
                return _nothing()
            host_id = await self._host(request)
        document = await self._run(decode_observed, body)
        if document.host != request.path_params["host"]:
            raise Forbidden(
                f"The report of host {document.host} was sent under the name of host {request.path_params['host']}",
                remedy="Give each agent its own host name and token.",
                code="agent-foreign-report",
            )
        await self._run(agents.observe, self._control, host_id, document, secret, report)
        return _nothing()

    async def conditions(self, request: Request) -> Response:
        host_id = await self._host(request)
        reported = decode(await read_body(request, CONDITIONS_BYTES), Conditions)
        await self._run(agents.put_conditions, self._control, host_id, reported)
        return _nothing()

    async def console(self, request: Request) -> Response:
        """Takes the last part of a guest's console log."""
        host_id = await self._host(request)
        text = (await read_body(request, CONSOLE_BYTES)).decode(errors="replace")
        await self._run(agents.put_console, self._control, host_id, ServerId(request.path_params["server"]), text)
        return _nothing()

    async def password(self, request: Request) -> Response:
        """Takes the password that a guest has made for itself, encrypted for its user."""
        host_id = await self._host(request)
        text = (await read_body(request, PASSWORD_BYTES)).decode(errors="replace")
        await self._run(post_password, self._control, host_id, ServerId(request.path_params["server"]), text)
        return _nothing()

    async def disk(self, request: Request) -> Response:
        """Takes a server's disk, which becomes the data of an image."""
        host_id = await self._host(request)
        wanted = (request.path_params["server"], request.path_params["image"], expected_bytes(request))
        upload = await self._run(agents.begin_disk_upload, self._control, host_id, *wanted)
        try:
            await take_data(request, upload, self._run)
            await self._run(agents.finish_disk_upload, self._control, upload)
        finally:
            with CancelScope(shield=True):
                await self._run(upload.abort)
        return _nothing()

    async def image(self, request: Request) -> Response:
        wanted = (_bearer(request), request.path_params["id"], _shown(request))
        return FileResponse(await self._run(image_file, self._control, *wanted))

    async def authority(self, _request: Request) -> Response:
        return Response(self._control.ca, media_type="application/x-pem-file")

    async def join(self, request: Request) -> Response:
        """Gives the agent of a new host its credential, for a token."""
        wanted = decode(await read_body(request, MAX_JOIN_BYTES), JoinRequest)
        return _json(encode(await self._run(agents.join, self._control, wanted)))

    async def renew(self, request: Request) -> Response:
        """Gives an agent the next credential of its host."""
        host_id = await self._host(request)
        wanted = decode(await read_body(request, MAX_JOIN_BYTES), RenewRequest)
        return _json(encode(await self._run(agents.renew, self._control, host_id, wanted)))

    async def _host(self, request: Request) -> HostId:
        return await host_of(self._control, self._run, request)


def _json(data: bytes) -> Response:
    return Response(data, media_type="application/json")


def _nothing() -> Response:
    return Response(status_code=204)


def _is_remembered(control: Control, request: Request) -> bool:
    """True for the agent of a host whose last report is remembered; nothing is asked of the database."""
    name = request.path_params["host"]
    if control.settings.agent_certificates and _shown(request) != name:
        return False
    return control.reports.knows(name, token_hash(_bearer(request)))


async def host_of(control: Control, run: Run, request: HTTPConnection) -> HostId:
    """The host whose agent asks, over HTTP or a WebSocket; raises `NotAuthenticated` or `Forbidden`."""
    name = request.path_params["host"]
    host: HostId = await run(agents.authenticate, control, name, _bearer(request), _shown(request))
    return host


def _shown(request: HTTPConnection) -> str | None:
    """The host that the connection's certificate names: what the server has read of it, and no header."""
    found = request.scope.get("state", {}).get(SHOWN_HOST)
    return str(found) if found else None


def number_of(request: Request, name: str, default: float) -> float:
    """A query parameter: a generation (-1 for "none yet") or a time in seconds."""
    text = request.query_params.get(name, str(default))
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not -1 <= number < 1e15:
        raise BadInput(
            f"'{text}' is not a value for {name}", remedy="Give a number of at least -1.", code="not-a-number"
        )
    return number


def _bearer(request: HTTPConnection) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated(
            "The agent did not send its token",
            detail="The request has no header 'Authorization: Bearer …'.",
            remedy="Create a token: busway host create NAME",
            code="agent-token-missing",
        )
    return token.strip()
