"""The data of images: streamed in and out, never whole in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from anyio import CancelScope
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from busway.api.body import length_of, stream_pieces
from busway.api.image.answers import DATA
from busway.api.operation import Operation, Run
from busway.control.context import Control
from busway.control.images.catalogue import get_image, image_path
from busway.control.images.upload import ImageUpload, begin_upload
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotFound
from busway.domain.image import ImageStatus


async def _upload(control: Control, caller: Caller, request: Request, run: Run) -> Response:
    upload = await run(begin_upload, control, caller, request.path_params["id"], expected_bytes(request))
    try:
        await take_data(request, upload, run)
        await run(upload.finish)
    finally:
        with CancelScope(shield=True):
            await run(upload.abort)
    return Response(status_code=204)


async def _download(control: Control, caller: Caller, request: Request, run: Run) -> Response:
    image = await run(get_image, control, caller, request.path_params["id"], "download_image")
    if image.sha256 is None:
        return Response(status_code=204)
    if image.status is ImageStatus.DEACTIVATED and not caller.is_admin:
        raise Forbidden(
            f"The data of image {image.id} can't be read: it is deactivated",
            remedy="Ask an admin for the reason.",
            code="image-deactivated",
        )
    path = image_path(control, image)
    if not path.exists():
        raise NotFound(
            f"The data of image {image.id} is missing",
            detail=f"There is no file {path.name} in the image folder.",
            remedy="Restore it from a backup, or delete the image and upload it again.",
            code="image-data-missing",
        )
    headers = {"content-md5": image.md5 or ""}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


OPERATIONS = (
    Operation("PUT", "/image/v2/images/{id}/file", stream=_upload, rule="upload_image"),
    Operation(
        "GET",
        "/image/v2/images/{id}/file",
        stream=_download,
        rule="download_image",
        answer=DATA,
        answer_type="application/octet-stream",
    ),
)


def expected_bytes(request: Request) -> int | None:
    """The size of the data where the client has said it."""
    length = length_of(request.headers.get("content-length", ""), -1)
    return None if length < 0 else length


async def take_data(request: Request, upload: ImageUpload, run: Callable[..., Awaitable[object]]) -> None:
    """Writes what comes, up to the upload's own limit; the client hears of a truncated upload if it still listens."""
    try:
        async for piece in stream_pieces(request):
            await run(upload.write, piece)
    except ClientDisconnect:
        raise upload.truncated() from None
