"""The data of images: streamed in and out, never whole in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio import CancelScope
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from busway.api.body import DATA as BYTES
from busway.api.body import check_data, check_md5, expected_md5, length_of, stream_pieces
from busway.api.errors import error_response
from busway.api.image.answers import DATA
from busway.api.image.conditions import is_known
from busway.api.image.ranges import range_of
from busway.api.operation import Operation, Run
from busway.control.context import Control
from busway.control.images.catalogue import get_image
from busway.control.images.stores import image_path
from busway.control.images.upload import ImageUpload, begin_upload
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BadRange, Forbidden
from busway.domain.image import NOT_YET, ImageStatus

STORE_HEADER = "x-image-meta-store"
_SIZE = "x-openstack-image-size"

Begin = Callable[[Control, Caller, str, int | None], ImageUpload]


async def _upload(control: Control, caller: Caller, request: Request, run: Run) -> Response:
    begin = partial(begin_upload, store=request.headers.get(STORE_HEADER))
    return await receive(begin, control, caller, request, run)


async def receive(begin: Begin, control: Control, caller: Caller, request: Request, run: Run) -> Response:
    """Takes in an image's data, to be used at once or to be imported."""
    check_data(request.headers)
    expected, md5 = _expected(request), expected_md5(request.headers)
    upload = await run(begin, control, caller, request.path_params["id"], expected)
    try:
        await take_data(request, upload, run)
        check_md5(md5, upload.md5)
        await run(upload.finish)
    finally:
        with CancelScope(shield=True):
            await run(upload.abort)
    return Response(status_code=204)


async def _download(control: Control, caller: Caller, request: Request, run: Run) -> Response:
    image = await run(get_image, control, caller, request.path_params["id"], "download_image")
    if image.sha256 is None or image.status in NOT_YET:
        return Response(status_code=204)
    if image.status is ImageStatus.DEACTIVATED and not caller.is_admin:
        raise Forbidden(
            f"The data of image {image.id} can't be read: it is deactivated",
            remedy="Ask its owner or an admin for the reason.",
            code="image-deactivated",
        )
    path = await run(image_path, control, image)
    tag = f'"{image.sha256}"'  # the data of an image never changes
    if is_known(request.headers, tag):
        return Response(status_code=304, headers={"etag": tag})
    try:
        part = range_of(request.headers, image.size or 0)
    except BadRange as error:
        answer = error_response(request.scope, error)
        answer.headers["content-range"] = f"bytes */{image.size}"
        return answer
    if part is None:
        return FileResponse(path, media_type=BYTES, headers={"content-md5": image.md5 or "", "etag": tag})
    _ask_for(request, *part)
    return FileResponse(path, media_type=BYTES, headers={"etag": tag})


def _ask_for(request: Request, first: int, last: int) -> None:
    """Leaves one range in the request, in the form that `FileResponse` reads."""
    others = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
    request.scope["headers"] = [*others, (b"range", f"bytes={first}-{last}".encode())]


OPERATIONS = (
    Operation("PUT", "/image/v2/images/{id}/file", stream=_upload, rule="upload_image"),
    Operation(
        "GET",
        "/image/v2/images/{id}/file",
        stream=_download,
        rule="download_image",
        answer=DATA,
        answer_type=BYTES,
    ),
)


def expected_bytes(request: Request) -> int | None:
    """The size of the data where the client has said it."""
    length = length_of(request.headers.get("content-length", ""), -1)
    return None if length < 0 else length


def _expected(request: Request) -> int | None:
    """The size of the data where the client has said it, which a body in chunks can in a header of Glance's alone."""
    length, text = expected_bytes(request), request.headers.get(_SIZE)
    if text is None:
        return length
    size = length_of(text, -1)
    if size < 0 or length not in (None, size):
        raise BadInput(
            f"The header {_SIZE} is {text[:80]}",
            detail=f"The body has {length} bytes." if size >= 0 else "It is a number of bytes.",
            remedy="Omit it, or correct it.",
            code="image-size",
        )
    return size


async def take_data(request: Request, upload: ImageUpload, run: Callable[..., Awaitable[object]]) -> None:
    """Writes what comes, up to the upload's own limit; the client hears of a truncated upload if it still listens."""
    try:
        async for piece in stream_pieces(request):
            await run(upload.write, piece)
    except ClientDisconnect:
        raise upload.truncated() from None
