"""A control plane in memory: the honest fake of `AgentLink`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from busway.agent.console_stream import ConsoleStream
from busway.domain.condition import Conditions
from busway.domain.console import ConsoleCall
from busway.domain.documents import Desired, Observed
from busway.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from busway.domain.ids import ImageId, ServerId
from busway.domain.question import HostAnswer, HostQuestion
from busway.wire.documents import decode, decode_desired, decode_observed, encode


class FakeLink:
    """Answers from `desired` and `images` and keeps the reports; `away` makes it unreachable.

    Documents pass through their JSON form, so that what can't be sent fails here too. It does not wait.
    """

    def __init__(self) -> None:
        self.desired: Desired | None = None
        self.images: dict[ImageId, bytes] = {}
        self.reports: list[Observed] = []
        self.conditions: list[Conditions] = []
        self.consoles: dict[ServerId, bytes] = {}
        self.uploads: dict[ImageId, bytes] = {}
        self.downloads: list[ImageId] = []
        self.on_report: Callable[[Observed], object] = lambda _observed: None
        self.on_download: Callable[[], object] = lambda: None
        self.calls: tuple[ConsoleCall | HostQuestion, ...] = ()
        self.answers: dict[str, HostAnswer] = {}
        self.passwords: dict[ServerId, str] = {}
        self.streams: dict[str, ConsoleStream] = {}
        self.away = False

    @property
    def last(self) -> Observed:
        """The newest report."""
        return self.reports[-1]

    def fetch_desired(self, after: int, wait: float) -> Desired | None:  # noqa: ARG002 - a fake does not wait
        """Gives the document when it is newer."""
        self._reach()
        if self.desired is None or self.desired.generation <= after:
            return None
        return decode_desired(encode(self.desired))

    def report(self, observed: Observed) -> None:
        """Keeps a report that is newer than the last one."""
        self._reach()
        if self.reports and observed.sequence <= self.last.sequence:
            raise Conflict("A newer report is known", code="old-report")
        self.reports.append(decode_observed(encode(observed)))
        self.on_report(self.last)

    def put_conditions(self, reported: Conditions) -> None:
        """Keeps what is told."""
        self._reach()
        self.conditions.append(decode(encode(reported), Conditions))

    def download(self, image_id: ImageId, sink: Callable[[bytes], object]) -> None:
        """Feeds the image in two pieces."""
        self._reach()
        self.downloads.append(image_id)
        if image_id not in self.images:
            raise NotFound(f"There is no image {image_id}", code="image-not-found")
        data = self.images[image_id]
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            self.on_download()
            sink(piece)

    def upload_disk(self, server_id: ServerId, image_id: ImageId, pieces: Iterable[bytes], size: int) -> None:
        """Keeps the disk that the document asks for, once."""
        self._reach()
        data = b"".join(pieces)
        assert len(data) == size
        if image_id in self.uploads:
            raise Conflict(f"Image {image_id} already has data", code="image-has-data")
        asked = self.desired.servers if self.desired else ()
        named = {(each.id, image) for each in asked for image in (each.upload, each.upload_ephemeral)}
        if (server_id, image_id) not in named:
            raise Forbidden(f"The disk of server {server_id} was not asked for as {image_id}", code="disk-not-asked")
        self.uploads[image_id] = data

    def put_console(self, server_id: ServerId, text: bytes) -> None:
        """Keeps the text."""
        self._reach()
        self._check_here(server_id)
        self.consoles[server_id] = text

    def answer_question(self, question_id: str, answer: HostAnswer) -> None:
        """Keeps the answer to a question that is among the calls."""
        self._reach()
        if all(call.id != question_id for call in self.calls):
            raise NotFound(f"Nobody waits for the answer to {question_id}", code="question-over")
        self.answers[question_id] = answer

    def post_password(self, server_id: ServerId, password: str) -> None:
        """Keeps the password, once."""
        self._reach()
        self._check_here(server_id)
        if server_id in self.passwords:
            raise Conflict(f"Server {server_id} has posted a password already", code="server-password")
        self.passwords[server_id] = password

    def fetch_console_calls(self, wait: float) -> tuple[ConsoleCall | HostQuestion, ...]:  # noqa: ARG002 - a fake does not wait
        """Gives the calls of this moment."""
        self._reach()
        return self.calls

    def answer_console(self, call_id: str) -> ConsoleStream:
        """Gives the stream that a test has laid there."""
        self._reach()
        if call_id not in self.streams:
            raise NotFound(f"Nobody waits for {call_id}", code="console-call")
        return self.streams[call_id]

    def renew_credential(self) -> bool:
        """Has no credential to renew."""
        return False

    def close(self) -> None:
        """Does nothing: there is no connection."""

    def _check_here(self, server_id: ServerId) -> None:
        desired = self.desired
        if desired is None or server_id not in {*desired.absent, *(each.id for each in desired.servers)}:
            raise Forbidden(f"Server {server_id} is not on this host", code="server-not-on-host")

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("The control plane can't be reached", code="control-away")
