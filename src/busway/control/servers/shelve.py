"""Use cases: shelve and offload a server; to run again it is unshelved (`moves.kinds.unshelve`).

Shelving shuts the guest down, and its disk is uploaded as the image NAME-shelved of its project. A shelved server keeps its host and devices until it is
offloaded; then they are released, and free once its host says so. Unshelving an offloaded server places it like a new
server, on any devices that its flavor requests; its disk is created from the uploaded one.
"""

from __future__ import annotations

from datetime import timedelta

from busway.control.context import Control
from busway.control.images.internal import disk_properties, want_disk
from busway.control.loops.items import each
from busway.control.servers.access import desire, note_action, placed_server, set_status
from busway.control.servers.fail import fail_alone
from busway.control.servers.leave import depart, drop_shelved_image
from busway.domain.caller import Caller
from busway.domain.ids import HostId, ImageId
from busway.domain.image import NAME_CHARS
from busway.domain.server import PowerState, ServerStatus, TaskState
from busway.store import images, servers
from busway.store.database import Tx
from busway.store.disk_uploads import UploadPurpose
from busway.store.servers import ServerRow

_SHELVED = "-shelved"  # Nova's end of the image's name
_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.SHUTOFF, ServerStatus.PAUSED, ServerStatus.SUSPENDED})


def shelve_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a server to be shut down and its disk to be kept; what a suspended guest has in its memory is lost."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "shelve", _FROM)
        name = f"{row.name[: NAME_CHARS - len(_SHELVED)]}{_SHELVED}"
        want_disk(control, tx, row, UploadPurpose.SHELVE, name, disk_properties(tx, row))
        desire(tx, row, control.now(), task_state=TaskState.SHELVING, powered=False, hold=None)
        note_action(tx, caller, row.id, "shelve", request_id, control.now())
    control.bell.ring(f"host:{row.host_id}")


def finish_shelving(control: Control, tx: Tx, row: ServerRow, image_id: ImageId) -> set[HostId]:
    """The disk has arrived: the server is shelved, and offloaded too unless the operator gives it time."""
    now = control.now()
    if row.task_state is not TaskState.SHELVING or row.host_id is None:
        images.mark_image_deleted(tx, image_id, now)
        return set()
    drop_shelved_image(tx, row, now)
    values = {"shelved_image_id": image_id, "task_state": None, "power": PowerState.SHUTOFF}
    set_status(tx, row, ServerStatus.SHELVED, "its disk is kept", now, **values)
    if control.settings.shelved_offload_time == 0:
        shelved = servers.find_server(tx, row.id)
        assert shelved is not None
        _offload(control, tx, shelved, "shelved servers are offloaded at once here")
    return {row.host_id}


def offload_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Takes a shelved server off its host; its devices are free when the host says so."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "shelveOffload", {ServerStatus.SHELVED})
        note_action(tx, caller, row.id, "shelveOffload", request_id, control.now())
        _offload(control, tx, row, f"offloaded by {caller.user_name}")
    control.bell.ring(f"host:{row.host_id}")


def offload_overdue(control: Control) -> None:
    """Offloads servers that have been shelved for longer than the operator lets them keep their devices."""
    seconds = control.settings.shelved_offload_time
    if seconds <= 0:
        return
    before = control.now() - timedelta(seconds=seconds)
    with control.db.read() as tx:
        shelved = servers.list_overdue(tx, ServerStatus.SHELVED, before)

    def offload(row: ServerRow) -> None:
        with control.db.write() as tx:
            found = servers.find_server(tx, row.id, lock=True)
            if found is not None and found.host_id is not None and found.is_overdue(ServerStatus.SHELVED, before):
                _offload(control, tx, found, f"it was shelved for {seconds} s")
        control.bell.ring(f"host:{row.host_id}")

    def failed(row: ServerRow, error: Exception) -> None:
        fail_alone(control, row.id, "offload this server", error)

    each(control, "offload", shelved, offload, failed)


def _offload(control: Control, tx: Tx, row: ServerRow, reason: str) -> None:
    assert row.host_id is not None
    now = control.now()
    depart(tx, row.id, row.host_id, now, reason)
    values = {"host_id": None, "power": None, "root_image_id": row.shelved_image_id, "ephemeral_image_id": None}
    set_status(tx, row, ServerStatus.SHELVED_OFFLOADED, reason, now, **values)
