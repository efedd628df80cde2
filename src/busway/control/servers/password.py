"""The password that a guest has made for itself and posted to the metadata service, encrypted for its user's key."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden
from busway.domain.ids import HostId, ServerId
from busway.store import server_passwords, server_places


def show_password(control: Control, caller: Caller, server_id: str) -> str:
    """What the guest has posted, "" for nothing."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "showPassword")
        return server_passwords.find_password(tx, row.id)


def clear_password(control: Control, caller: Caller, server_id: str) -> None:
    """Forgets it here; in the guest nothing changes, and it may post another one."""
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "clearPassword")
        server_passwords.clear_password(tx, row.id)


def post_password(control: Control, host_id: HostId, server_id: ServerId, password: str) -> None:
    """Keeps what a guest has posted to its host, once; raises `Conflict` for a second one, `BadInput` for one too long."""
    if not password or len(password) > server_passwords.LONGEST or not password.isprintable():
        raise BadInput(f"A password has 1 to {server_passwords.LONGEST} printable characters", code="server-password")
    with control.db.write() as tx:
        row = server_places.find_on_host(tx, host_id, server_id)
        if row is None or row.host_id != host_id:
            raise Forbidden(f"Server {server_id} is not on this host", code="server-not-on-host")
        if server_passwords.find_password(tx, server_id):
            raise Conflict(
                f"Server {server_id} has posted a password already",
                remedy="Its user clears it: DELETE os-server-password.",
                code="server-password",
            )
        server_passwords.put_password(tx, server_id, password, control.now())
