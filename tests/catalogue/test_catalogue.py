"""Who publishes a catalogue, and what it may say."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from busway.catalogue.document import MOST_BYTES, choose, parse_catalogue
from busway.catalogue.mirror import Mirror as Reader
from busway.catalogue.publish import publish
from busway.domain.errors import BuswayError
from busway.pki.ed25519 import is_signed, make_key, public_word, sign
from tests.catalogue.mirror import IMAGE, Mirror


def now() -> datetime:
    return datetime.now(UTC)


def refused(where: str, *keys: str, when: datetime | None = None) -> str:
    with Reader(where, keys, lambda: when or now()) as reader, pytest.raises(BuswayError) as caught:
        reader.catalogue()
    return caught.value.code


def test_a_signed_catalogue_is_read_from_its_address_its_folder_and_a_file(published: Mirror) -> None:
    for where in (published.url, published.url + "catalogue.json", str(published.folder)):
        with Reader(where, [make_key_word(), published.public], now) as reader:
            choice = choose(reader.catalogue(), "bookworm", "x86_64")

        assert (choice.product, choice.version, choice.item.size) == ("debian-12", "20261101", len(IMAGE))
        assert choice.properties["hw_firmware_type"] == "uefi"
        assert choice.properties["product_name"] == "debian-12"


def make_key_word() -> str:
    return public_word(make_key())


def test_a_catalogue_that_was_changed_is_not_believed(published: Mirror) -> None:
    path = published.folder / "catalogue.json"
    path.write_bytes(path.read_bytes().replace(b"bookworm)", b"bookw0rm)"))

    assert refused(published.url, published.public) == "catalogue-untrusted"


def test_a_catalogue_signed_by_somebody_else_is_not_believed(published: Mirror) -> None:
    assert refused(published.url, make_key_word()) == "catalogue-untrusted"
    assert refused(published.url) == "catalogue-untrusted"


@pytest.mark.parametrize("signature", ["", "nonsense", "ü", "AAAA"])
def test_what_is_no_signature_is_none(published: Mirror, signature: str) -> None:
    (published.folder / "catalogue.json.sig").write_text(signature)

    assert refused(published.url, published.public) == "catalogue-untrusted"


def test_an_old_catalogue_is_not_believed(published: Mirror) -> None:
    assert refused(published.url, published.public, when=now() + timedelta(days=31)) == "catalogue-expired"


def test_a_catalogue_without_end_is_not_read_to_its_end(published: Mirror) -> None:
    path = published.folder / "catalogue.json"
    path.write_bytes(b" " * (MOST_BYTES + 1))

    assert refused(published.url, published.public) == "catalogue-form"
    assert refused(str(path), published.public) == "catalogue-form"


def test_a_mirror_that_is_not_there_is_told(published: Mirror, tmp_path: Path) -> None:
    assert refused(published.url + "other.json", published.public) == "catalogue-not-found"
    assert refused(str(tmp_path / "none"), published.public) == "catalogue-not-found"
    assert refused("http://127.0.0.1:1/", published.public) == "catalogue-unreachable"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "../../etc/shadow"),
        ("path", "/etc/shadow"),
        ("path", "file:///etc/shadow"),
        ("path", ""),
        ("size", 0),
        ("size", 2**50),
        ("size", "1"),
        ("sha256", "abc"),
        ("sha256", "G" * 64),
        ("disk_format", "vmdk"),
        ("min_disk", -1),
        ("colour", "red"),
    ],
)
def test_an_item_that_is_not_understood_makes_the_catalogue_none(published: Mirror, name: str, value: object) -> None:
    document = json.loads((published.folder / "catalogue.json").read_text())
    document["products"]["debian-12"]["versions"]["20261101"]["items"]["x86_64"][name] = value

    with pytest.raises(BuswayError) as caught:
        parse_catalogue(json.dumps(document).encode(), "here")

    assert caught.value.code == "catalogue-form"


def test_the_newest_version_for_an_architecture_is_chosen(published: Mirror) -> None:
    document = json.loads((published.folder / "catalogue.json").read_text())
    versions = document["products"]["debian-12"]["versions"]
    versions["20261201"] = versions["20261101"]
    versions["20270101"] = {"items": {"aarch64": versions["20261101"]["items"]["x86_64"]}}
    found = parse_catalogue(json.dumps(document).encode(), "here")

    assert choose(found, "debian-12", "x86_64").version == "20261201"
    assert choose(found, "debian-12", "aarch64").version == "20270101"
    for word, architecture in (("debian-13", "x86_64"), ("debian-12", "riscv64")):
        with pytest.raises(BuswayError, match=r"debian-12|x86_64") as caught:
            choose(found, word, architecture)
        assert caught.value.code == "catalogue-product"


def test_an_image_elsewhere_needs_its_size_and_checksum_before_it_is_signed(published: Mirror) -> None:
    path = published.folder / "catalogue.json"
    document = json.loads(path.read_text())
    item = document["products"]["debian-12"]["versions"]["20261101"]["items"]["x86_64"]
    item["path"] = "https://images.example/debian-12.qcow2"
    path.write_text(json.dumps(document))
    publish(path, published.key, now(), now() + timedelta(days=1))
    item["sha256"] = ""
    path.write_text(json.dumps(document))

    with pytest.raises(BuswayError) as caught:
        publish(path, published.key, now(), now() + timedelta(days=1))

    assert caught.value.code == "catalogue-form"


def test_a_signature_is_of_one_key_and_one_text() -> None:
    key, other = make_key(), make_key()

    assert is_signed(public_word(key), b"text", sign(key, b"text"))
    assert not is_signed(public_word(key), b"texT", sign(key, b"text"))
    assert not is_signed(public_word(other), b"text", sign(key, b"text"))
