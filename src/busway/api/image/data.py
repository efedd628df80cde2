"""The data of images: streamed in and out, never whole in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from busway.control.context import Control
from busway.control.identity.tokens import authenticate
from busway.control.images.catalogue import get_image, image_path
from busway.control.images.upload import ImageUpload, begin_upload
from busway.domain.errors import NotFound

PATH = "/image/v2/images/{id}/file"
# Chunks are gathered to this size before a thread hashes and writes them.
_PIECE = 1024**2


def routes(control: Control, limiter: CapacityLimiter) -> list[Route]:
    """The two routes of image data."""
    run = partial(to_thread.run_sync, limiter=limiter)

    async def upload(request: Request) -> Response:
        caller = await run(authenticate, control, request.headers.get("x-auth-token"))
        length = request.headers.get("content-length", "")
        expected = int(length) if length.isdigit() else None
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


async def take_data(request: Request, upload: ImageUpload, run: Callable[..., Awaitable[object]]) -> None:
    """Writes what comes; the client hears of a truncated upload only if it still listens."""
    pieces = bytearray()
    try:
        async for chunk in request.stream():
            pieces += chunk
            if len(pieces) >= _PIECE:
                await run(upload.write, bytes(pieces))
                pieces.clear()
    except ClientDisconnect:
        raise upload.truncated() from None
    await run(upload.write, bytes(pieces))
