from collections.abc import Iterator

import pytest

from busway.agent.credential import Credential
from busway.agent.link import HttpLink
from busway.domain.documents import Desired, HostResources, Observed
from busway.domain.errors import BuswayError, Conflict, NotAuthenticated, NotFound, Unavailable
from busway.domain.ids import ImageId
from busway.testing.stage import ONE, desired_server
from tests.agent.agent_peer import ControlPlane

REPORT = Observed("host-1", 1, 0, "boot", HostResources(1, 2, 3))


@pytest.fixture
def link(plane: ControlPlane) -> Iterator[HttpLink]:
    link = HttpLink(Credential(plane.url, "host-1", "s3cret"))
    yield link
    link.close()


def test_a_newer_document_is_fetched_and_none_when_there_is_none(plane: ControlPlane, link: HttpLink) -> None:
    plane.desired = Desired("host-1", 4, (desired_server(),))

    assert link.fetch_desired(3, 2.5) == plane.desired
    assert link.fetch_desired(4, 0) is None
    assert plane.queries == [{"after": ["3"], "wait": ["2.5"]}, {"after": ["4"], "wait": ["0"]}]


def test_a_report_and_a_console_are_handed_in(plane: ControlPlane, link: HttpLink) -> None:
    link.report(REPORT)
    link.put_console(ONE, b"hello\xff")

    assert (plane.reports, plane.consoles) == ([REPORT], {ONE: b"hello\xff"})


def test_an_image_arrives_piece_by_piece(plane: ControlPlane, link: HttpLink) -> None:
    plane.images["img"] = bytes(range(256)) * 20_000
    pieces: list[bytes] = []

    link.download(ImageId("img"), pieces.append)

    assert b"".join(pieces) == plane.images["img"]
    assert len(pieces) > 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NotAuthenticated), (404, NotFound), (409, Conflict), (500, Unavailable), (503, Unavailable)],
)
def test_an_error_arrives_as_it_was_meant(
    plane: ControlPlane, link: HttpLink, status: int, kind: type[BuswayError]
) -> None:
    plane.refusal = status, {"brief": "No", "detail": "since", "remedy": "do", "code": "a-code"}

    with pytest.raises(kind) as caught:
        link.report(REPORT)

    error = caught.value
    assert (error.brief, error.detail, error.remedy, error.code) == ("No", "since", "do", "a-code")


def test_a_wrong_token_is_told_even_without_json(plane: ControlPlane) -> None:
    link = HttpLink(Credential(plane.url, "host-1", "wrong"))

    with pytest.raises(NotAuthenticated, match="who are you"):
        link.fetch_desired(0, 0)
    link.close()


def test_nobody_there_is_unavailable() -> None:
    link = HttpLink(Credential("http://127.0.0.1:9", "host-1", "s3cret"))

    with pytest.raises(Unavailable) as caught:
        link.fetch_desired(0, 0)
    with pytest.raises(Unavailable):
        link.download(ImageId("img"), lambda piece: piece)
    link.close()

    assert caught.value.code == "control-away"


def test_a_missing_image_is_not_found(link: HttpLink) -> None:
    with pytest.raises(NotFound):
        link.download(ImageId("none"), lambda piece: piece)


def test_a_disk_is_handed_in_as_a_stream_under_the_name_of_its_image(plane: ControlPlane, link: HttpLink) -> None:
    pieces = iter([b"a" * 100_000, b"b" * 100_000])

    link.upload_disk(ONE, ImageId("snapshot"), pieces, 200_000)

    assert plane.disks == {
        f"/agent/v1/hosts/host-1/servers/{ONE}/disks/snapshot": b"a" * 100_000 + b"b" * 100_000,
    }


def test_a_disk_that_is_known_already_is_a_conflict(plane: ControlPlane, link: HttpLink) -> None:
    plane.refusal = (409, {"brief": "It has data", "code": "image-has-data"})

    with pytest.raises(Conflict) as caught:
        link.upload_disk(ONE, ImageId("snapshot"), [b"x"], 1)

    assert caught.value.code == "image-has-data"
