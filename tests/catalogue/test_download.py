"""An image of a catalogue comes whole and as promised, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busway.catalogue.document import Choice, choose
from busway.catalogue.download import Verified, download
from busway.catalogue.mirror import Mirror as Reader
from busway.domain.errors import BuswayError
from tests.catalogue.mirror import IMAGE, Mirror


@contextmanager
def fetched(published: Mirror, cache: Path, seen: list[int] | None = None) -> Iterator[Verified]:
    with Reader(published.url, [published.public], lambda: datetime.now(UTC)) as reader:
        choice = choose(reader.catalogue(), "debian-12", "x86_64")
        published.asked.clear()
        show = seen.append if seen is not None else lambda _there: None
        with download(reader, choice, cache, show, pause=lambda _seconds: None) as data:
            yield data


def refused(published: Mirror, cache: Path) -> BuswayError:
    with pytest.raises(BuswayError) as caught, fetched(published, cache):
        pass
    return caught.value


def parts(cache: Path) -> list[int]:
    return [path.stat().st_size for path in cache.glob("*.part")]


def test_an_image_is_fetched_and_shown_growing(published: Mirror, tmp_path: Path) -> None:
    seen: list[int] = []

    with fetched(published, tmp_path / "cache", seen) as data:
        assert data.path.read_bytes() == IMAGE

    assert seen == sorted(seen) and seen[-1] == len(IMAGE) and len(seen) > 3
    assert parts(tmp_path / "cache") == []


def test_a_cut_connection_goes_on_where_it_ended(published: Mirror, tmp_path: Path) -> None:
    published.cut_after = 1_000_000

    with fetched(published, tmp_path) as data:
        assert data.path.read_bytes() == IMAGE

    assert [wanted for _, wanted in published.asked] == ["", "bytes=1000000-", "bytes=2000000-", "bytes=3000000-"]


def test_a_mirror_without_ranges_is_asked_anew(published: Mirror, tmp_path: Path) -> None:
    published.cut_after, published.ranges = 1_000_000, False

    error = refused(published, tmp_path)

    assert error.code == "catalogue-unreachable" and "1000000 of" in error.detail
    assert len(published.asked) == 8
    published.cut_after = None
    with fetched(published, tmp_path) as data:
        assert data.path.read_bytes() == IMAGE


def test_what_came_is_kept_for_the_next_call(published: Mirror, tmp_path: Path) -> None:
    published.cut_after = 100_000
    assert refused(published, tmp_path).code == "catalogue-unreachable"
    assert parts(tmp_path) == [800_000]
    published.cut_after = None

    with fetched(published, tmp_path) as data:
        assert data.path.read_bytes() == IMAGE

    assert published.asked == [("/debian-12/20261101/x86_64.qcow2", "bytes=800000-")]


def test_an_image_that_was_tampered_with_is_refused_and_nothing_is_kept(published: Mirror, tmp_path: Path) -> None:
    data = bytearray(IMAGE)
    data[2_000_000] ^= 1
    published.image.write_bytes(data)

    error = refused(published, tmp_path)

    assert error.code == "catalogue-data" and "sha256" in error.detail
    assert parts(tmp_path) == []


def test_a_file_of_another_size_is_refused_before_it_is_fetched(published: Mirror, tmp_path: Path) -> None:
    for data in (IMAGE + b"more", IMAGE[:-1]):
        published.image.write_bytes(data)

        error = refused(published, tmp_path)

        assert error.code == "catalogue-data" and f"has {len(data)} bytes" in error.detail
        assert parts(tmp_path) == []


def test_a_file_without_end_is_cut_at_the_promised_size(published: Mirror, tmp_path: Path) -> None:
    published.more = b"x" * 50_000_000

    error = refused(published, tmp_path)

    assert error.code == "catalogue-data" and "larger" in error.detail
    assert parts(tmp_path) == []


def test_a_shorter_file_that_does_not_say_so_is_refused(published: Mirror, tmp_path: Path) -> None:
    published.image.write_bytes(IMAGE[:1_000_000])
    published.more = b"x"  # no length is said

    assert refused(published, tmp_path).code == "catalogue-data"


def test_a_spoiled_rest_of_another_day_is_fetched_anew(published: Mirror, tmp_path: Path) -> None:
    published.cut_after = 100_000
    refused(published, tmp_path)
    published.cut_after = None
    [part] = tmp_path.glob("*.part")
    part.write_bytes(b"x" * 800_000)

    with fetched(published, tmp_path) as data:
        assert data.path.read_bytes() == IMAGE


def test_a_file_that_is_gone_is_told_at_once(published: Mirror, tmp_path: Path) -> None:
    with Reader(published.url, [published.public], lambda: datetime.now(UTC)) as reader:
        choice: Choice = choose(reader.catalogue(), "debian-12", "x86_64")
        published.image.unlink()

        with pytest.raises(BuswayError) as caught, download(reader, choice, tmp_path, print):
            pass

    assert caught.value.code == "catalogue-not-found"


def test_two_do_not_fetch_the_same_at_once(published: Mirror, tmp_path: Path) -> None:
    with fetched(published, tmp_path):
        assert refused(published, tmp_path).code == "catalogue-busy"


def test_a_file_of_this_machine_is_verified_where_it_lies(published: Mirror, tmp_path: Path) -> None:
    with Reader(str(published.folder), [published.public], lambda: datetime.now(UTC)) as reader:
        choice = choose(reader.catalogue(), "debian-12", "x86_64")
        with download(reader, choice, tmp_path, print) as data:
            assert (data.path, data.fetched) == (published.image, False)
        published.image.write_bytes(b"x" * len(IMAGE))
        with pytest.raises(BuswayError) as caught, download(reader, choice, tmp_path, print):
            pass

    assert caught.value.code == "catalogue-data" and published.image.exists()
