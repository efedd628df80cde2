"""A running `busway serve` shows the certificate that a program of the operator's has renewed, as openssl sees it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes
NAME = "cloud.example.org"


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """A key and a certificate for it, as an ACME client leaves them."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "90"]
    subprocess.run([*made, *subject, *files], check=True, capture_output=True, timeout=60)
    return key, certificate


def serial(certificate: Path) -> str:
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-serial", "-in", certificate], check=True, capture_output=True, timeout=60
    )
    return told.stdout.decode().strip()


def shown(port: int) -> str:
    """The serial number of the certificate that a new connection gets, "" for none."""
    client = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME]
    talk = subprocess.run(client, input=b"", capture_output=True, timeout=60, check=False)
    if b"BEGIN CERTIFICATE" not in talk.stdout:
        return ""
    read = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=talk.stdout, capture_output=True, timeout=60)
    return read.stdout.decode().strip()


def replace_whole(new: Path, old: Path) -> None:
    """As `install` and `mv` do it: at no moment is half a file there."""
    part = old.with_suffix(".new")
    part.write_bytes(new.read_bytes())
    part.rename(old)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """`busway serve` with cloud.key and cloud.pem of the folder."""
    for made, name in zip(make(tmp_path, "first"), ("cloud.key", "cloud.pem"), strict=True):
        replace_whole(made, tmp_path / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    config = tmp_path / "busway.conf"
    config.write_text(
        f"[busway]\nstate_path = {tmp_path}/state\nlisten = 127.0.0.1\nport = {number}\n"
        f"public_url = https://{NAME}:{number}\n"
        f"tls_certificate = {tmp_path}/cloud.pem\ntls_key = {tmp_path}/cloud.key\n"
    )
    with (tmp_path / "log").open("wb") as log:
        serve = subprocess.Popen([sys.executable, "-m", "busway", "serve", "--config", str(config)], stderr=log)
    yield number
    serve.terminate()
    serve.wait(30)


def eventually(port: int, wanted: str, seconds: float = 40) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if shown(port) == wanted:
            return True
        time.sleep(0.3)
    return False


@pytest.mark.timeout(200)
def test_a_renewed_certificate_is_shown_without_a_restart(port: int, tmp_path: Path) -> None:
    assert eventually(port, serial(tmp_path / "first.pem")), (tmp_path / "log").read_text()
    with socket.create_connection(("127.0.0.1", port)):
        key, certificate = make(tmp_path, "second")
        replace_whole(certificate, tmp_path / "cloud.pem")  # its key is not there yet
        told = time.monotonic() + 40
        while b"could not be renewed" not in (tmp_path / "log").read_bytes() and time.monotonic() < told:
            time.sleep(0.3)
        between = shown(port)
        replace_whole(key, tmp_path / "cloud.key")

        assert eventually(port, serial(certificate)), (tmp_path / "log").read_text()

    assert between == serial(tmp_path / "first.pem")
    assert (tmp_path / "log").read_text().count("could not be renewed") == 1
