"""What every way to a control plane must do for an agent: the suite that the fake passes, and HTTP to a real control plane.

A test module subclasses `LinkContract` and overrides the fixtures. The control plane knows the host `host1` with the one server
of the fixture `server`, whose disk is asked for as an image.
"""

from __future__ import annotations

import struct

import pytest

from busway.agent.link import AgentLink
from busway.domain.documents import Desired, DesiredServer, HostResources, Observed
from busway.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from busway.domain.ids import ImageId, ServerId
from busway.domain.question import HostAnswer

HOST = "host1"
STRANGER = ServerId("c0ffee00-0000-4000-8000-00000000dead")
_LATE = 1 << 62  # above the number of every report of a fixture


class LinkContract:
    """The suite; each test has a control plane of its own."""

    @pytest.fixture
    def link(self) -> AgentLink:
        """The way to the control plane of host1."""
        raise NotImplementedError

    @pytest.fixture
    def unreachable(self) -> AgentLink:
        """The way to a control plane that is not there."""
        raise NotImplementedError

    @pytest.fixture
    def server(self) -> ServerId:
        """The server of host1."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> bytes:
        """What is in the image of the server."""
        raise NotImplementedError

    def test_a_document_is_given_once_it_is_newer(self, link: AgentLink, server: ServerId) -> None:
        """It is that of the host, with its server."""
        document = _document(link)
        assert (document.host, [each.id for each in document.servers]) == (HOST, [server])
        assert link.fetch_desired(document.generation, 0) is None

    def test_a_report_that_is_not_newer_is_a_conflict(self, link: AgentLink) -> None:
        """The newer one stays known."""
        link.report(_report(_LATE))
        for sequence in (_LATE, _LATE - 1):
            with pytest.raises(Conflict):
                link.report(_report(sequence))
        link.report(_report(_LATE + 1))

    def test_the_image_of_a_server_arrives_whole(self, link: AgentLink, server: ServerId, image: bytes) -> None:
        """Piece by piece, in its order."""
        pieces: list[bytes] = []
        link.download(_wanted(link, server).image.id, pieces.append)
        assert b"".join(pieces) == image

    def test_another_image_is_not_given(self, link: AgentLink) -> None:
        """Nothing of it arrives."""
        pieces: list[bytes] = []
        with pytest.raises((NotFound, Forbidden)):
            link.download(ImageId(STRANGER), pieces.append)
        assert pieces == []

    def test_a_disk_is_taken_once(self, link: AgentLink, server: ServerId) -> None:
        """A second one is told from every other conflict: an agent that died after the first takes it for done."""
        upload = _wanted(link, server).upload
        assert upload is not None
        disk = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(104, b"\0")
        link.upload_disk(server, upload, [disk[:50], disk[50:]], len(disk))
        with pytest.raises(Conflict) as caught:
            link.upload_disk(server, upload, [disk], len(disk))
        assert caught.value.code == "image-has-data"

    def test_a_disk_that_nobody_asked_for_is_refused(self, link: AgentLink, server: ServerId) -> None:
        """As one of another server is."""
        for owner in (server, STRANGER):
            with pytest.raises(Forbidden):
                link.upload_disk(owner, ImageId(STRANGER), [b"x"], 1)

    def test_a_console_is_taken_of_a_server_here_only(self, link: AgentLink, server: ServerId) -> None:
        """Whatever bytes it has."""
        link.put_console(server, b"login: \xff\x00")
        with pytest.raises(Forbidden):
            link.put_console(STRANGER, b"login: ")

    def test_a_password_is_taken_once_and_of_a_server_here_only(self, link: AgentLink, server: ServerId) -> None:
        """A second one is a conflict."""
        link.post_password(server, "c2VjcmV0")
        with pytest.raises(Conflict):
            link.post_password(server, "c2Vjb25k")
        with pytest.raises(Forbidden):
            link.post_password(STRANGER, "c2VjcmV0")

    def test_what_nobody_waits_for_is_not_found(self, link: AgentLink) -> None:
        """Neither an answer nor a console."""
        assert link.fetch_console_calls(0) == ()
        with pytest.raises(NotFound):
            link.answer_question(STRANGER, HostAnswer())
        with pytest.raises(NotFound):
            link.answer_console(STRANGER)

    def test_a_control_plane_that_is_not_there_is_unavailable(self, unreachable: AgentLink) -> None:
        """Whatever is asked of it: an agent tries again."""
        with pytest.raises(Unavailable):
            unreachable.fetch_desired(-1, 0)
        with pytest.raises(Unavailable):
            unreachable.report(_report(1))
        with pytest.raises(Unavailable):
            unreachable.download(ImageId(STRANGER), lambda _piece: None)
        with pytest.raises(Unavailable):
            unreachable.answer_console(STRANGER)


def _report(sequence: int) -> Observed:
    return Observed(HOST, sequence, 0, "boot", HostResources(8, 8192, 100))


def _document(link: AgentLink) -> Desired:
    document = link.fetch_desired(-1, 0)
    assert document is not None
    return document


def _wanted(link: AgentLink, server: ServerId) -> DesiredServer:
    [found] = [each for each in _document(link).servers if each.id == server]
    return found
