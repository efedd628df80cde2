"""A server in the midst of a live migration between two hosts, which the test lets report what it wants."""

from __future__ import annotations

from dataclasses import replace

from busway.control.moves import listing as move_list
from busway.domain.documents import Observed, ObservedServer
from busway.domain.ids import ServerId
from busway.domain.move import MoveState
from tests.control.clouds import ADMIN, Cloud, Host

PRINT = "f" * 64  # the fingerprint of the target's certificate


class LivePair:
    """The server `id`, and the hosts `one` and `two`."""

    cloud: Cloud
    one: Host
    two: Host
    id: ServerId

    @property
    def move(self) -> str:
        """The migration's uuid, "" where there is none."""
        moves = move_list.list_moves(self.cloud.control, ADMIN).moves
        return moves[0].uuid if moves else ""

    @property
    def state(self) -> MoveState:
        return move_list.list_moves(self.cloud.control, ADMIN).moves[0].state

    @property
    def status(self) -> list[object]:
        server = self.cloud.server(self.id)
        return [server.status, server.task_state]

    def report(self, host: Host, server: ObservedServer) -> None:
        """Lets a host report the server so, with the disk that it is to have there."""
        want = next((each for each in host.desired().servers if each.id == self.id), None)
        server = replace(server, disk=want.disks[-1] if want else 1)

        def with_it(observed: Observed) -> Observed:
            return replace(observed, servers=(server,))

        host.as_of = with_it
        try:
            host.report()
        finally:
            host.as_of = lambda observed: observed
