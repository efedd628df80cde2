"""Certificates: what an authority signs, what it refuses, and how long it holds."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from busway.domain.errors import BadInput, InvalidConfig
from busway.pki.authority import CERTIFICATE_LIFE, make_authority, read_authority
from busway.pki.certificate import fingerprint, host_of, is_fresh, names_of
from busway.pki.context import client_context, server_context
from busway.pki.request import make_request

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_servers_certificate_names_what_it_was_asked_for_and_openssl_believes_its_authority(tmp_path: Path) -> None:
    authority = make_authority(NOW)
    pem = authority.sign_server(["cloud.example", "127.0.0.1", "::1"], NOW)
    (tmp_path / "ca.pem").write_text(authority.ca)
    (tmp_path / "server.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])

    words = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW.timestamp())), "-purpose", "sslserver"]
    done = subprocess.run(
        [*words, "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "server.pem")], capture_output=True, text=True
    )

    assert names_of(pem) == {"cloud.example", "127.0.0.1", "::1"}
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fingerprint_is_openssls(tmp_path: Path) -> None:
    authority = make_authority(NOW)
    (tmp_path / "ca.pem").write_text(authority.ca)

    said = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(tmp_path / "ca.pem")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.strip().partition("=")[2].replace(":", "").lower() == fingerprint(authority.ca)


def test_an_authority_is_read_as_it_was_written_and_tells_no_key_in_its_repr() -> None:
    authority = make_authority(NOW)

    again = read_authority(authority.to_pem())

    assert again.ca == authority.ca
    assert again.sign_server(["x"], NOW)
    assert "PrivateKey" not in repr(authority)


@pytest.mark.parametrize("text", ["", "no PEM", "key only"])
def test_what_is_no_authority_is_refused(text: str) -> None:
    text = make_request("h")[0] if text == "key only" else text

    with pytest.raises(InvalidConfig):
        read_authority(text)


def test_a_key_with_another_ones_certificate_is_no_authority() -> None:
    mixed = make_request("h")[0] + make_authority(NOW).ca

    with pytest.raises(InvalidConfig, match="can't be read"):
        read_authority(mixed)


def test_an_agents_certificate_names_its_host_whatever_the_request_says() -> None:
    authority = make_authority(NOW)
    _, request = make_request("the-name-in-the-request")

    pem = authority.sign_agent(request, "gpu-07." + "x" * 200, NOW)

    assert host_of(ssl.PEM_cert_to_DER_cert(pem)) == "gpu-07." + "x" * 200
    assert host_of(ssl.PEM_cert_to_DER_cert(authority.ca)) is None


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        make_authority(NOW).sign_agent("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", "h", NOW)

    assert caught.value.code == "signing-request"


def test_a_certificate_is_fresh_until_a_third_of_its_life_is_left() -> None:
    pem = make_authority(NOW).sign_server(["x"], NOW)

    assert is_fresh(pem, NOW + CERTIFICATE_LIFE * 0.6)
    assert not is_fresh(pem, NOW + CERTIFICATE_LIFE * 0.7)


def test_a_certificate_that_can_not_be_used_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "half.pem").write_text(make_authority(NOW).ca)

    with pytest.raises(InvalidConfig, match=r"half\.pem") as caught:
        server_context(tmp_path / "half.pem")

    assert caught.value.code == "certificate-unusable"


def test_a_client_that_has_an_authority_believes_no_other() -> None:
    own = client_context(make_authority(datetime.now(UTC) - timedelta(days=1)).ca)

    assert len(own.get_ca_certs()) == 1
    assert own.verify_mode is ssl.CERT_REQUIRED
    assert own.check_hostname
