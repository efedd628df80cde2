"""The HTTP server of a control plane: when it stops, requests that wait for news are answered first."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from busway.api.closing import Closing


class GracefulServer(uvicorn.Server):
    """uvicorn's server, which would cancel each waiting long poll and log its traceback after the time for shutting down."""

    def __init__(self, app: Starlette, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.closing: Closing = app.state.closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what waits, then shuts down as usual."""
        self.closing.begin()
        await super().shutdown(sockets)
