"""Connects guests' consoles with who waits for them at the control plane, each in threads of its own.

Questions about guests come in the same long poll, and are answered with a document.

The agent asks who waits, dials in, and passes bytes between that WebSocket and the guest's Unix socket. The rounds of
the agent know nothing of it. QEMU's serial port takes one connection: a new viewer takes the place of the one before.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from busway.agent.console_stream import ConsoleStream
from busway.agent.link import AgentLink
from busway.agent.pace import Backoff
from busway.agent.questions import reply
from busway.domain.console import ConsoleCall, ConsoleKind
from busway.domain.errors import BuswayError, NotFound
from busway.domain.question import HostQuestion
from busway.hypervisor.seam import Hypervisor

MOST_OPEN = 64
ANSWER_SECONDS = 12.0
_WAIT_SECONDS = 25.0
_TAKEN_PAUSE = 0.1  # while a call that was answered is still in the list
_PAUSE_SECONDS = 1.0  # where the control plane does not hold the long poll
_RETRY_PAUSE = 0.2
_OLD_CONTROL_PAUSE = 60.0
_CONNECT_SECONDS = 5.0
_PIECE = 1 << 16
_ENDING = 5.0


@dataclass
class _Relay:
    """One open console: bytes are copied between the guest's socket and the viewer."""

    call: ConsoleCall
    stream: ConsoleStream
    guest: socket.socket
    why: str = "The guest's console has ended"
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, why: str) -> None:
        """Ends both sides; the first reason counts."""
        if not self.ended.is_set():
            self.why = why
            self.ended.set()
        with suppress(OSError):
            self.guest.shutdown(socket.SHUT_RDWR)


class RemoteConsoles:
    """All consoles of one host."""

    def __init__(
        self, link: AgentLink, hypervisor: Hypervisor, host: str, log: FilteringBoundLogger, spice_address: str = ""
    ) -> None:
        self._link = link
        self._hypervisor = hypervisor
        self._log = log
        self._spice_address = spice_address
        self._backoff = Backoff(host)
        self._answered: deque[str] = deque(maxlen=256)
        self._open: dict[str, _Relay] = {}
        self._count = 0
        self._guard = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answers calls until the block ends, which ends all consoles."""
        stop = threading.Event()
        thread = threading.Thread(target=self.run, args=(stop,), name="consoles", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            self.close()

    def run(self, stop: threading.Event) -> None:
        """Polls for calls until `stop` is set; an error is logged once, and polling continues."""
        trouble = ""
        while not stop.is_set():
            pause, before = 0.0, trouble
            try:
                pause, trouble = self.turn(_WAIT_SECONDS), ""
                self._backoff.reset()
            except NotFound:  # a control plane that has no consoles yet
                pause, trouble = _OLD_CONTROL_PAUSE, ""
            except BuswayError as error:
                pause, trouble = self._backoff.pause(), error.code
                if trouble != before:
                    self._log.warning("consoles: trouble", why=str(error), code=error.code)
            except Exception as error:  # a defect: it is told, and the next turn comes
                pause = self._backoff.pause()
                self._log.exception("consoles failed", why=repr(error))
            stop.wait(pause)

    def turn(self, wait: float) -> float:
        """Polls once and starts to answer new calls; returns the pause before the next poll."""
        asked = time.monotonic()
        calls = self._link.fetch_console_calls(wait)
        fresh = [call for call in calls if call.id not in self._answered]
        for call in fresh:
            self._answered.append(call.id)
            act = self._reply if isinstance(call, HostQuestion) else self._answer
            threading.Thread(target=act, args=(call,), name=f"console {call.id}", daemon=True).start()
        if calls:
            return 0.0 if fresh else _TAKEN_PAUSE
        return _PAUSE_SECONDS if time.monotonic() - asked < wait / 2 else 0.0

    def close(self) -> None:
        """Ends all consoles and waits for them a moment."""
        with self._guard:
            relays = list(self._open.values())
        for relay in relays:
            relay.end("The host's agent ends; open the console again")
        deadline = time.monotonic() + _ENDING
        while self.open and time.monotonic() < deadline:
            time.sleep(0.01)

    @property
    def open(self) -> int:
        """How many consoles are open."""
        with self._guard:
            return self._count

    def _reply(self, question: HostQuestion) -> None:
        try:
            self._link.answer_question(question.id, reply(self._hypervisor, question, self._spice_address))
        except BuswayError as error:
            self._log.info("question: no answer", why=error.brief, server=question.server_id, kind=question.kind)
        except Exception as error:
            self._log.exception("question failed", why=repr(error), server=question.server_id, kind=question.kind)

    def _answer(self, call: ConsoleCall) -> None:
        facts = {"server": call.server_id, "kind": str(call.kind)}
        try:
            stream = self._dial(call)
        except BuswayError as error:
            self._log.info("console: nobody waits any more", why=error.brief, **facts)
            return
        why = "The host could not open this console"
        try:
            with self._place():
                why = self._relay(call, stream)
        except BuswayError as error:
            why = error.brief
            self._log.warning("console can't be opened", why=str(error), **facts)
        except Exception as error:
            self._log.exception("console failed", why=repr(error), **facts)
        finally:
            stream.close(why)
        self._log.info("console closed", why=why, **facts)

    def _dial(self, call: ConsoleCall) -> ConsoleStream:
        """Connects until it reaches the control process where the viewer waits: several may share one address."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return self._link.answer_console(call.id)
            except NotFound:
                if time.monotonic() + _RETRY_PAUSE >= deadline:
                    raise
            time.sleep(_RETRY_PAUSE)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._guard:
            if self._count >= MOST_OPEN:
                raise BuswayError("Too many consoles of this host are open", code="consoles-busy")
            self._count += 1
        try:
            yield
        finally:
            with self._guard:
                self._count -= 1

    def _relay(self, call: ConsoleCall, stream: ConsoleStream) -> str:
        with self._connect(call) as guest:
            relay = _Relay(call, stream, guest)
            with self._guard:
                self._open[call.id] = relay
            self._log.info("console opened", server=call.server_id, kind=str(call.kind))
            to_guest = threading.Thread(target=_to_guest, args=(relay,), daemon=True)
            to_guest.start()
            try:
                _from_guest(relay)
                stream.close(relay.why)
                to_guest.join(_ENDING)
            finally:
                with self._guard:
                    del self._open[call.id]
            return relay.why

    def _connect(self, call: ConsoleCall) -> socket.socket:
        if call.kind is ConsoleKind.SERIAL:
            self._take_over(call)
        path = self._hypervisor.consoles(call.server_id).get(call.kind)
        if path is None:
            raise NotFound(
                f"This guest has no {call.kind} console",
                detail="It does not run, or was started by a version of Busway without consoles.",
                remedy="Restart it: openstack server stop, then openstack server start",
                code="console-missing",
            )
        guest = socket.socket(socket.AF_UNIX)
        guest.settimeout(_CONNECT_SECONDS)
        try:
            guest.connect(str(path))
        except OSError as error:
            guest.close()
            raise NotFound(
                f"This guest's {call.kind} console does not answer", detail=f"{path}: {error}", code="console-missing"
            ) from error
        guest.settimeout(None)
        return guest

    def _take_over(self, call: ConsoleCall) -> None:
        """Ends the current viewer of a serial port, and waits until it has closed."""
        deadline = time.monotonic() + _ENDING
        while time.monotonic() < deadline:
            with self._guard:
                others = [
                    each
                    for each in self._open.values()
                    if each.call.server_id == call.server_id and each.call.kind is call.kind
                ]
            if not others:
                return
            for each in others:
                each.end("Another viewer has taken this console over")
            time.sleep(0.01)


def _from_guest(relay: _Relay) -> None:
    while True:
        try:
            data = relay.guest.recv(_PIECE)
        except OSError:
            data = b""
        if not data or not relay.stream.send(data):
            relay.end("The guest's console has ended" if not data else "The viewer has left")
            return


def _to_guest(relay: _Relay) -> None:
    while (data := relay.stream.receive()) is not None:
        try:
            relay.guest.sendall(data)
        except OSError:
            break
    relay.end("The viewer has left")
