"""Use case: have a server's host set the server's networks again, whoever changed them there."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import change_on_host, server_row
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.guest_network import OVERLAY
from busway.domain.server import TaskState
from busway.store.servers import Intent


def inject_network_info(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Sends its host what it must have once more; OVN's database is compared with what the cloud knows too.

    The host makes bridges, packet filter and DHCP entries as they should be, and plugs in cards that the guest lacks. In Nova
    it is the driver that may do something, and libvirt's does nothing. Raises `Conflict` for a server that is on no host.
    """
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "injectNetworkInfo", lock=True)
        if row.host_id is None or row.intent is not Intent.PRESENT or row.task_state is TaskState.DELETING:
            raise Conflict(
                f"Server {row.id} is on no host",
                detail=f"It is {row.status}.",
                remedy="Its networks are set when it comes to a host.",
                code="server-state",
            )
        change_on_host(control, tx, caller, row, "injectNetworkInfo", request_id)
    control.bell.ring(f"host:{row.host_id}")
    control.bell.ring(OVERLAY)
