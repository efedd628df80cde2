"""The data of an image from a browser: streamed through the API's own operation, with the session's token."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from busway.api.errors import status_of
from busway.api.operation import Threads
from busway.control.context import Control
from busway.domain.errors import BuswayError
from busway.web.inner import operate_stream
from busway.web.session import CSRF_HEADER, check_form, read_session


async def upload_image(control: Control, threads: Threads, request: Request) -> Response:
    """Takes the data; the answer of a refusal is JSON with the four fields, for the script that shows progress."""
    session = await to_thread.run_sync(read_session, control, request)
    try:
        check_form(request, session, request.headers.get(CSRF_HEADER, ""))
        return await operate_stream(
            control, threads, request, session.secret, "PUT", "/image/v2/images/{id}/file", id=request.path_params["id"]
        )
    except BuswayError as error:
        fields = {"brief": error.brief, "detail": error.detail, "remedy": error.remedy, "code": error.code}
        return JSONResponse(fields, status_of(error))
