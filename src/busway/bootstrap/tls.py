"""TLS of the control plane: the certificate that it shows, its authority, and their renewal.

    STATE/tls/authority.pem   key and certificate of the authority (a secret: who has it can pose as this control plane)
    STATE/tls/ca.pem          its certificate, for clients: `cacert` of clouds.yaml, OS_CACERT of openrc
    STATE/tls/server.pem      key and certificate of the control plane, unless the operator gives files of their own

Each file is written whole or not at all, and the authority by the first of several processes, so that a kill at any
moment leaves what the next start continues from.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from busway.bootstrap.config import Config
from busway.bootstrap.config_transport import TlsFiles, is_wildcard
from busway.control.durable import create_secret, write_secret
from busway.pki.authority import Authority, make_authority, read_authority
from busway.pki.certificate import expires, is_fresh, names_of, read_certificates
from busway.pki.context import load_chain, server_context

_log = structlog.get_logger("busway.tls")
LOOK_SECONDS = 5.0  # between two looks at the files
_SYSTEM = "system"


@dataclass(slots=True)
class Tls:
    """The files and certificates of a control plane's TLS; `ca` is the authority that clients must trust, "" for the system's authorities."""

    authority: Authority
    ca: str
    ca_file: Path | None
    context: ssl.SSLContext
    certificate: Path
    key: Path | None
    names: frozenset[str]
    own: bool
    shown: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()

    def refresh(self, now: datetime) -> bool:
        """Renews a certificate of ours when a third of its life is left, and shows what lies in the files now.

        Raises `InvalidConfig`, once for the same files, where they can't be used or are not of one another yet: a program that
        renews them may have replaced the first of two.
        """
        if self.own and not _holds(self.certificate, self.names, now):
            write_secret(self.certificate, self.authority.sign_server(self.names, now))
        stamp = _stamp(self.certificate, self.key)
        if stamp in (self.shown, self.refused):
            return False
        self.refused = stamp
        load_chain(self.context, self.certificate, self.key)
        self.shown = stamp
        self.refused = ()
        return True


def prepare_tls(config: Config, now: datetime) -> Tls | None:
    """Makes or reads what TLS needs, None where the control plane speaks plain HTTP.

    An operator's own files win; without them certificate and authority are made at the first start.
    """
    if not config.tls:
        return None
    files, folder = config.tls_files, config.state / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    authority = _authority(folder, now)
    own = files.certificate is None
    certificate = files.certificate or folder / "server.pem"
    names = server_names(config)
    if own and not _holds(certificate, names, now):
        write_secret(certificate, authority.sign_server(names, now))
    ca, ca_file = _authority_file(files, authority, folder)
    context = server_context(certificate, files.key, authority.ca if config.settings.agent_certificates else "")
    made = Tls(authority, ca, ca_file, context, certificate, files.key, names, own, _stamp(certificate, files.key))
    _log.info("speaks TLS", certificate=str(certificate), until=_end(certificate), ca=str(ca_file or _SYSTEM))
    return made


def keep_fresh(tls: Tls, now: Callable[[], datetime], stop: threading.Event, seconds: float = LOOK_SECONDS) -> None:
    """Renews until `stop` is set; what goes wrong is logged, and the certificate that is shown stays."""
    while not stop.wait(seconds):
        try:
            if tls.refresh(now()):
                _log.info("shows a new certificate", certificate=str(tls.certificate), until=_end(tls.certificate))
        except Exception as error:
            _log.exception("the certificate could not be renewed; the one that is shown stays", why=str(error))


def server_names(config: Config) -> frozenset[str]:
    """The names and addresses that a certificate of ours is good for."""
    host = config.settings.public_url.partition("://")[2].partition("/")[0]
    named = host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]
    found = {named, socket.gethostname(), "localhost", "127.0.0.1", "::1", *config.tls_files.names}
    if not is_wildcard(config.listen):
        found.add(config.listen)
    return frozenset(found - {""})


def _authority(folder: Path, now: datetime) -> Authority:
    """The authority of the state folder; of several processes that make one at once, the first one's counts."""
    path = folder / "authority.pem"
    if not path.exists():
        create_secret(path, make_authority(now).to_pem())
    authority = read_authority(path.read_text())
    ca = folder / "ca.pem"
    if not ca.exists() or ca.read_text() != authority.ca:
        write_secret(ca, authority.ca)
    return authority


def _authority_file(files: TlsFiles, authority: Authority, folder: Path) -> tuple[str, Path | None]:
    """What clients and agents must trust, and the file in which it lies."""
    if files.certificate is None:
        return authority.ca, folder / "ca.pem"
    if files.ca is None or str(files.ca) == _SYSTEM:
        return "", None
    text = files.ca.read_text()
    read_certificates(text)
    return text, files.ca


def _holds(path: Path, names: frozenset[str], now: datetime) -> bool:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return False
    return is_fresh(text, now) and names <= names_of(text)


def _stamp(*paths: Path | None) -> tuple[int, ...]:
    """Changes when one of the files is rewritten."""
    found = (path.stat() for path in paths if path is not None)
    return tuple(number for one in found for number in (one.st_ino, one.st_mtime_ns, one.st_size))


def _end(path: Path) -> str:
    return f"{expires(path.read_text()):%Y-%m-%d}"
