"""What goes wrong: a process that ends in the midst of anything, and messages that are lost, late or come twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from busway.agent.console_stream import ConsoleStream
from busway.control.agents import access as agents
from busway.control.context import Control
from busway.control.images.stores import image_path
from busway.domain.condition import Conditions
from busway.domain.console import ConsoleCall
from busway.domain.documents import Desired, Observed
from busway.domain.errors import Conflict, NotFound, Unavailable
from busway.domain.ids import HostId, ImageId, ServerId
from busway.domain.question import HostAnswer, HostQuestion
from busway.store import images
from busway.wire.documents import decode_desired, decode_observed, encode


class Crash(BaseException):
    """The agent's process ends here, as by kill -9: no handler of errors sees it."""


class ControlCrash(BaseException):
    """A control process ends here."""


@dataclass
class Fuse:
    """Ends an agent at the n-th moment after it was set, and counts the steps that were begun."""

    left: int | None = None
    steps: int = 0

    def set(self, moments: int | None) -> None:
        self.left = moments

    def tick(self, name: str = "") -> None:
        self.steps += name.startswith("before:") and name != "before:report"
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Crash


@dataclass
class Line:
    """The way between one agent and the control plane: an `AgentLink` that can be cut on either side of an answer.

    Documents travel as JSON, as they do over HTTP. A report that is held back is delivered by `deliver`, later than
    those that were sent after it, and may be delivered twice.
    """

    control: Callable[[], Control]
    host_id: HostId
    images: dict[ImageId, bytes]
    tick: Callable[[str], None]
    lose: list[str] = field(default_factory=list)  # what becomes of the next questions: "", or "answer"
    fates: list[str] = field(default_factory=list)  # and of the next reports: "", "request", "answer" or "late"
    late: list[bytes] = field(default_factory=list)
    under_way: list[Desired | None] = field(default_factory=list)
    asked: int | None = None  # the generation that the living agent has

    def fetch_desired(self, after: int, wait: float) -> Desired | None:
        lost = _next(self.lose)
        news = self.under_way.pop() if self.under_way else agents.desired(self.control(), self.host_id, after, 0)
        if lost:
            raise _away()
        self.asked = after if news is None else news.generation
        return None if news is None else decode_desired(encode(news))

    def renew_credential(self) -> bool:
        return False

    def answer_slowly(self) -> None:
        """The answer to the agent's next question is made now and arrives when it asks."""
        if self.asked is not None:
            self.under_way = [agents.desired(self.control(), self.host_id, self.asked, 0)]

    def upload_disk(self, server_id: ServerId, image_id: ImageId, pieces: Iterable[bytes], size: int) -> None:
        fate = _next(self.fates)
        if fate in ("request", "late"):
            raise _away()
        upload = agents.begin_disk_upload(self.control(), self.host_id, server_id, image_id, size)
        try:
            for piece in pieces:
                upload.write(piece)
            agents.finish_disk_upload(self.control(), upload)
        except ControlCrash:
            raise _away() from None
        finally:
            upload.abort()
        if fate == "answer":
            raise _away()

    def hang_up(self) -> None:
        """The agent is dead: what was on its way to it arrives nowhere."""
        self.under_way.clear()
        self.asked = None

    def report(self, observed: Observed) -> None:
        self.tick("before:report")
        fate = _next(self.fates)
        sent = encode(observed)
        if fate == "late":
            self.late.append(sent)
        if fate in ("request", "late"):
            raise _away()
        try:
            agents.observe(self.control(), self.host_id, decode_observed(sent))
        except ControlCrash:
            raise _away() from None
        if fate == "answer":
            raise _away()
        self.tick("after:report")

    def deliver(self, number: int, *, keep: bool) -> None:
        """Brings a late report to the control plane, which refuses it when it has a newer one."""
        index = number % len(self.late)
        sent = self.late[index] if keep else self.late.pop(index)
        try:
            agents.observe(self.control(), self.host_id, decode_observed(sent))
        except Conflict as error:
            assert error.code == "report-out-of-order"
        except ControlCrash:
            return

    def download(self, image_id: ImageId, sink: Callable[[bytes], object]) -> None:
        self.tick("download")
        if _next(self.lose):
            raise _away()
        sink(self.images[image_id] if image_id in self.images else self._handed_in(image_id))

    def _handed_in(self, image_id: ImageId) -> bytes:
        """The disk of a server that is moved or shelved."""
        with self.control().db.read() as tx:
            image = images.find_image(tx, image_id)
        assert image is not None
        return image_path(self.control(), image).read_bytes()

    def put_conditions(self, told: Conditions) -> None:
        agents.put_conditions(self.control(), self.host_id, told)

    def put_console(self, server_id: ServerId, text: bytes) -> None:
        agents.put_console(self.control(), self.host_id, server_id, text.decode())

    def fetch_console_calls(self, wait: float) -> tuple[ConsoleCall | HostQuestion, ...]:
        return ()

    def answer_question(self, question_id: str, answer: HostAnswer) -> None:
        raise NotFound("Nobody asks", code="question-over")

    def post_password(self, server_id: ServerId, password: str) -> None:
        raise NotFound("No guest posts a password", code="server-not-found")

    def answer_console(self, call_id: str) -> ConsoleStream:
        raise NotFound(f"Nobody waits for {call_id}")

    def close(self) -> None:
        """There is no connection."""


def _next(fates: list[str]) -> str:
    return fates.pop(0) if fates else ""


def _away() -> Unavailable:
    return Unavailable("The control plane can't be reached", code="control-away")
