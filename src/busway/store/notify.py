"""Notifications between control processes: LISTEN and NOTIFY over one direct connection to PostgreSQL.

A thread holds the connection and reconnects if it is lost. Notifications can be lost with it: they only notify others
to read the database sooner. A connection pooler in between must be in session mode.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

import psycopg
import structlog

from busway.store.database import Database

CHANNEL = "busway"
CONNECT_SECONDS = 10
QUIET_SECONDS = 20.0  # after so long without a word the connection is asked whether it is still there
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

_log = structlog.get_logger("busway.notify")


class Notifier:
    """Sends notifications to the other processes, and calls `heard` with theirs.

    `reconnected` is called after a reconnect, because notifications in between are lost.
    """

    def __init__(self, database: Database, heard: Callable[[str], None], reconnected: Callable[[], None]) -> None:
        # SQLAlchemy's URL without the driver's name is what libpq reads.
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._heard = heard
        self._reconnected = reconnected
        self._words: dict[str, None] = {}  # what is still to be told, each word once
        self._lock = threading.Lock()
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    def notify(self, word: str) -> None:
        """Queues a notification and returns at once."""
        with self._lock:
            self._words[word] = None
        self._wake()

    def close(self) -> None:
        """Ends the thread and its connection."""
        self._stop.set()
        self._wake()
        self._thread.join(CONNECT_SECONDS + 1)
        self._inner.close()
        self._outer.close()

    def _wake(self) -> None:
        try:
            self._outer.send(b".")
        except BlockingIOError:
            return  # it has been woken a thousand times and will look

    def _run(self) -> None:
        pause, connected_before = _FIRST_PAUSE, False
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    if connected_before:
                        _log.info("wake-ups from other control processes are heard again")
                        self._reconnected()
                    pause, connected_before = _FIRST_PAUSE, True
                    self._converse(connection)
            except (psycopg.Error, OSError) as error:
                _log.warning("wake-ups between control processes are lost for now", why=str(error).strip())
                self._stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _converse(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        me = connection.info.backend_pid
        while not self._stop.is_set():
            readable, _, _ = select.select([connection.fileno(), self._inner.fileno()], [], [], QUIET_SECONDS)
            if self._inner.fileno() in readable:
                self._inner.recv(4096)
            if words := self._take():
                connection.execute("SELECT pg_notify(%s, word) FROM unnest(%s::text[]) AS word", [CHANNEL, words])
            elif not readable:
                connection.execute("SELECT 1")
            for note in connection.notifies(timeout=0):
                if note.pid != me:
                    self._heard(note.payload)

    def _take(self) -> list[str]:
        with self._lock:
            words = list(self._words)
            self._words.clear()
        return words
