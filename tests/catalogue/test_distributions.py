"""Images of the distributions' own sites: which there are, and what of a site is believed."""

from pathlib import Path

import pytest

from busway.catalogue.distributions import Distributions, known_distributions
from busway.catalogue.download import download
from busway.domain.errors import BuswayError
from tests.catalogue.mirror import IMAGE, Mirror
from tests.catalogue.sites import SHA256, SHA512, known, site

__all__ = ["site"]  # a fixture


def refused(site: Mirror, tmp_path: Path, word: str = "debian-12", architecture: str = "x86_64") -> BuswayError:
    with Distributions({"debian-12": known(site)}) as source, pytest.raises(BuswayError) as caught:
        choice = source.choose(word, architecture)
        with download(source, choice, tmp_path / "cache", lambda _there: None, pause=lambda _seconds: None):
            pass
    assert not list(tmp_path.glob("cache/*.part"))
    return caught.value


@pytest.mark.parametrize(
    "line", [f"{SHA512}  {{}}", f"{SHA256} *{{}}", f"SHA256 ({{}}) = {SHA256}", f"SHA512 ({{}}) = {SHA512}"]
)
def test_an_image_is_compared_with_the_sites_checksum(site: Mirror, tmp_path: Path, line: str) -> None:
    (site.folder / "SUMS").write_text(f"# {len(IMAGE)} bytes\n" + line.format("debian-12.qcow2") + "\n")
    with Distributions({"debian-12": known(site)}) as source:
        choice = source.choose("bookworm", "x86_64")
        with download(source, choice, tmp_path, lambda _there: None) as data:
            assert data.path.read_bytes() == IMAGE
    assert choice.item.checksum[1].startswith(choice.version) and choice.item.size == len(IMAGE)
    assert choice.properties["product_name"] == "debian-12" and choice.properties["architecture"] == "x86_64"


def test_what_is_not_as_the_site_says_is_not_used(site: Mirror, tmp_path: Path) -> None:
    (site.folder / "debian-12.qcow2").write_bytes(IMAGE[:-1] + b"?")
    assert refused(site, tmp_path).code == "catalogue-data"


def test_checksums_that_come_without_encryption_are_not_believed(site: Mirror, tmp_path: Path) -> None:
    plain = Mirror(site.folder)
    plain.start()
    try:
        site.moved["/SUMS"] = plain.url + "SUMS"
        assert refused(site, tmp_path).code == "catalogue-untrusted"
    finally:
        plain.stop()


@pytest.mark.parametrize(
    "text", ["", f"{SHA512}  other.qcow2\n", "abc  debian-12.qcow2\n", f"{'f' * 96}  debian-12.qcow2\n"]
)
def test_a_list_without_the_image_is_an_error(site: Mirror, tmp_path: Path, text: str) -> None:
    (site.folder / "SUMS").write_text(text)
    assert refused(site, tmp_path).code == "catalogue-checksum"


def test_a_site_that_is_believed_by_nobody_is_unreachable(
    site: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    error = refused(site, tmp_path)
    assert error.code == "catalogue-unreachable" and "CERTIFICATE_VERIFY_FAILED" in error.detail


def test_unknown_words_are_told_what_there_is(site: Mirror, tmp_path: Path) -> None:
    assert "debian-12" in refused(site, tmp_path, "plan9").detail
    assert "x86_64" in refused(site, tmp_path, architecture="riscv64").detail


def test_every_known_distribution_can_be_asked_for() -> None:
    words = [word for name, each in known_distributions().items() for word in (name, *each.aliases)]
    assert len(words) == len(set(words)) and {"debian-12", "ubuntu-24.04"} <= set(words)
    for each in known_distributions().values():
        assert {"os_distro", "os_version", "hw_firmware_type"} == set(each.properties) and each.min_disk > 2
        for place in each.images.values():
            assert place.image.startswith("https://") and place.checksums.startswith("https://")
