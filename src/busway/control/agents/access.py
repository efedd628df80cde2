"""The use cases of an agent: authenticate, fetch its Desired document, report, and upload consoles and disks."""

from __future__ import annotations

from busway.control.agents.desired import desired
from busway.control.agents.identity import authenticate
from busway.control.agents.look import look
from busway.control.context import Control
from busway.control.hosts.joining import join, renew
from busway.control.images.internal import begin_disk_upload
from busway.control.images.upload import DiskImageUpload
from busway.control.observation.conditions import put_conditions
from busway.control.observation.report import observe
from busway.domain.errors import Forbidden
from busway.domain.ids import HostId, ServerId
from busway.store import consoles, server_places

CONSOLE_CHARS = 256 * 1024

__all__ = [
    "authenticate",
    "begin_disk_upload",
    "desired",
    "finish_disk_upload",
    "join",
    "look",
    "observe",
    "put_conditions",
    "put_console",
    "renew",
]


def finish_disk_upload(control: Control, upload: DiskImageUpload) -> None:
    """Stores a complete disk, and continues with the move that waited for it."""
    upload.finish()
    control.bell.ring("advance")


def put_console(control: Control, host_id: HostId, server_id: ServerId, text: str) -> None:
    """Keeps the last part of a guest's console; only the host that runs the server may hand it in."""
    with control.db.write() as tx:
        row = server_places.find_on_host(tx, host_id, server_id)
        if row is None:
            raise Forbidden(f"Server {server_id} is not on this host", code="server-not-on-host")
        if row.host_id != host_id:
            return  # it is leaving, or an unconfirmed move left its disk here: its guest speaks elsewhere
        # PostgreSQL's text holds no NUL; a terminal shows nothing for it either.
        consoles.put_console(tx, server_id, text.replace("\x00", "")[-CONSOLE_CHARS:], control.now())
