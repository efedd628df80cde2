"""The data of images: streamed in and out, never whole in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from busway.api.body import length_of, stream_pieces
from busway.control.context import Control
from busway.control.identity.tokens import authenticate
from busway.control.images.catalogue import get_image, image_path
from busway.control.images.upload import ImageUpload, begin_upload
from busway.domain.errors import NotFound

PATH = "/image/v2/images/{id}/file"


def routes(control: Control, limiter: CapacityLimiter) -> list[Route]:
    """The two routes of image data."""
    run = partial(to_thread.run_sync, limiter=limiter)

    async def upload(request: Request) -> Response:
        caller = await run(authenticate, control, request.headers.get("x-auth-token"))
        expected = expected_bytes(request)
        image_upload = await run(begin_upload, control, caller, request.path_params["id"], expected)
        try:
            await take_data(request, image_upload, run)
            await run(image_upload.finish)
        finally:
            with CancelScope(shield=True):
                await run(image_upload.abort)
        return Response(status_code=204)

    async def download(request: Request) -> Response:
        caller = await run(authenticate, control, request.headers.get("x-auth-token"))
        image = await run(get_image, control, caller, request.path_params["id"])
        if image.sha256 is None:
            return Response(status_code=204)
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

    return [Route(PATH, upload, methods=["PUT"]), Route(PATH, download, methods=["GET"])]


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
