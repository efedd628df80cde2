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
    run: Run = partial(to_thread.run_sync, limiter=CapacityLimiter(AGENT_THREADS))
    polls = HeldPolls(control.bell, run, Floor(partial(agents.look, control), control.reports.any_waiting), closing)

    async def desired(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        after, wait = int(number_of(request, "after", -1)), min(number_of(request, "wait", 0), MAX_WAIT_SECONDS)
        read = partial(agents.desired, control, host_id, after, 0)
        document = await polls.wait(f"host:{host_id}", host_id, after, wait, read)
        if document is None:
            return Response(status_code=204)
        return Response(encode(document), media_type="application/json")

    async def observed(request: Request) -> Response:
        known = _is_remembered(control, request)
        if not known:
            host_id = await host_of(control, run, request)  # nothing is read of a stranger's report
        body = await read_body(request, OBSERVED_BYTES)
        report = digest_report(body)
        if known:
            name, secret = request.path_params["host"], token_hash(_bearer(request))
            if report is not None and control.reports.is_again(name, secret, report, control.now()):
                polls.watch()
                return Response(status_code=204)
            host_id = await host_of(control, run, request)
        document = await run(decode_observed, body)
        if document.host != request.path_params["host"]:
            raise Forbidden(
                f"The report of host {document.host} was sent under the name of host {request.path_params['host']}",
                remedy="Give each agent its own host name and token.",
                code="agent-foreign-report",
            )
        await run(agents.observe, control, host_id, document, token_hash(_bearer(request)), report)
        return Response(status_code=204)

    async def conditions(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        reported = decode(await read_body(request, CONDITIONS_BYTES), Conditions)
        await run(agents.put_conditions, control, host_id, reported)
        return Response(status_code=204)

    async def console(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        text = (await read_body(request, CONSOLE_BYTES)).decode(errors="replace")
        await run(agents.put_console, control, host_id, ServerId(request.path_params["server"]), text)
        return Response(status_code=204)

    async def password(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        text = (await read_body(request, PASSWORD_BYTES)).decode(errors="replace")
        await run(post_password, control, host_id, ServerId(request.path_params["server"]), text)
        return Response(status_code=204)

    async def disk(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        server_id, image_id = request.path_params["server"], request.path_params["image"]
        upload = await run(agents.begin_disk_upload, control, host_id, server_id, image_id, expected_bytes(request))
        try:
            await take_data(request, upload, run)
            await run(agents.finish_disk_upload, control, upload)
        finally:
            with CancelScope(shield=True):
                await run(upload.abort)
        return Response(status_code=204)

    async def image(request: Request) -> Response:
        path = await run(image_file, control, _bearer(request), request.path_params["id"], _shown(request))
        return FileResponse(path)

    async def authority(_request: Request) -> Response:
        return Response(control.ca, media_type="application/x-pem-file")

    async def join(request: Request) -> Response:
        wanted = decode(await read_body(request, MAX_JOIN_BYTES), JoinRequest)
        return Response(encode(await run(agents.join, control, wanted)), media_type="application/json")

    async def renew(request: Request) -> Response:
        host_id = await host_of(control, run, request)
        wanted = decode(await read_body(request, MAX_JOIN_BYTES), RenewRequest)
        return Response(encode(await run(agents.renew, control, host_id, wanted)), media_type="application/json")

    return [
        Route(f"{ROOT}/authority", authority, methods=["GET"]),
        Route(f"{ROOT}/join", join, methods=["POST"]),
        Route(f"{ROOT}/hosts/{{host}}/credential", renew, methods=["PUT"]),
        Route(f"{ROOT}/hosts/{{host}}/desired", desired, methods=["GET"]),
        Route(f"{ROOT}/hosts/{{host}}/observed", observed, methods=["PUT"]),
        Route(f"{ROOT}/hosts/{{host}}/conditions", conditions, methods=["PUT"]),
        Route(f"{ROOT}/hosts/{{host}}/servers/{{server}}/console", console, methods=["PUT"]),
        Route(f"{ROOT}/hosts/{{host}}/servers/{{server}}/password", password, methods=["PUT"]),
        Route(f"{ROOT}/hosts/{{host}}/servers/{{server}}/disks/{{image}}", disk, methods=["PUT"]),
        Route(f"{ROOT}/images/{{id}}/file", image, methods=["GET"]),
    ]


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
