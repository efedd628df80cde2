"""A guest whose connections are cut is asked again, and the error says what each try came to."""

import socket
import struct
from pathlib import Path
from threading import Thread

import pytest

from busway.bootstrap.guest_shell import run_in_guest
from busway.domain.errors import BuswayError

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends a reset


def _cut(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()


def test_a_cut_connection_is_tried_again_and_each_try_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=_cut, args=(listener,))
        server.start()
        try:
            with pytest.raises(BuswayError, match="Failed in the guest: hostname") as error:
                run_in_guest(listener.getsockname()[1], tmp_path / "no-key", "hostname", patience=0.5)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join(10)
    assert error.value.detail.count("exit code 255: ") == 2, "one try, one second, and one more"
