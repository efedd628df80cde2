"""A distribution's site on loopback, with HTTPS."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busway.catalogue.distributions import Distribution, Place
from busway.pki.authority import make_authority
from tests.catalogue.mirror import IMAGE, Mirror

SHA512 = hashlib.sha512(IMAGE).hexdigest()
SHA256 = hashlib.sha256(IMAGE).hexdigest()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A site whose authority this process believes, with one image and its SHA-512 beside others."""
    authority = make_authority(datetime.now(UTC))
    (tmp_path / "ca.pem").write_text(authority.ca)
    (tmp_path / "site.pem").write_text(authority.sign_server(["127.0.0.1"], datetime.now(UTC)))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "site.pem")
    made = Mirror(tmp_path / "site")
    made.folder.mkdir()
    (made.folder / "debian-12.qcow2").write_bytes(IMAGE)
    (made.folder / "SUMS").write_text(f"{'0' * 128}  other.qcow2\n{SHA512}  debian-12.qcow2\n")
    made.start(tls)
    yield made
    made.stop()


def known(site: Mirror) -> Distribution:
    """The entry of `distributions.json` that leads to the site."""
    url = site.url.replace("http:", "https:")
    places = {"x86_64": Place(url + "debian-12.qcow2", url + "SUMS")}
    properties = {"os_distro": "debian", "hw_firmware_type": "uefi"}
    return Distribution("Debian 12", properties, 3, 512, places, ("bookworm",))
