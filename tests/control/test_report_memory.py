"""Which reports need not be taken in again, and when that is found to be wrong."""

from busway.control.observation.memory import ReportDigest, ReportMemory, digest_report
from busway.domain.documents import HostResources, Observed
from busway.domain.ids import HostId
from busway.store.hosts import HostMark
from busway.wire.documents import encode
from tests.store.rows import NOON

H = HostId("h")
MARK = HostMark("hash", 3, 10)


def report(sequence: int, notes: tuple[str, ...] = ()) -> ReportDigest:
    found = digest_report(encode(Observed("gpu01", sequence, 3, "boot", HostResources(8, 8192, 100), notes=notes)))
    assert found is not None
    return found


def remembering() -> ReportMemory:
    memory = ReportMemory()
    memory.remember(H, "gpu01", "hash", report(10), 3)
    return memory


def test_reports_differ_by_all_but_their_sequence() -> None:
    assert report(10).digest == report(11).digest != report(11, ("slow",)).digest
    assert report(11).sequence == 11
    assert digest_report(b"{}") is None


def test_what_is_said_again_is_marked_once() -> None:
    memory = remembering()

    assert memory.is_again("gpu01", "hash", report(11), NOON)
    assert memory.waiting() == [H]
    assert memory.take({H: MARK})[H].sequence == 11
    assert memory.take({H: MARK}) == {}


def test_a_change_another_host_another_token_or_an_older_report_is_not_the_same_again() -> None:
    memory = remembering()

    assert not memory.is_again("gpu01", "hash", report(11, ("slow",)), NOON)
    assert not memory.is_again("gpu02", "hash", report(11), NOON)
    assert not memory.is_again("gpu01", "other", report(11), NOON)
    assert not memory.is_again("gpu01", "hash", report(10), NOON)


def test_a_host_that_is_not_as_remembered_is_forgotten() -> None:
    for mark in (HostMark("new", 3, 10), HostMark("hash", 4, 10), HostMark("hash", 3, 12)):
        memory = remembering()
        memory.is_again("gpu01", "hash", report(11), NOON)

        assert memory.take({H: mark}) == {}
        assert not memory.knows("gpu01", "hash")


def test_a_host_that_is_gone_is_dropped() -> None:
    memory = remembering()
    memory.is_again("gpu01", "hash", report(11), NOON)

    memory.drop([H])

    assert memory.waiting() == []
    assert not memory.knows("gpu01", "hash")
