"""Calls the control plane as the user of the clouds.yaml in the state folder (or in another place that is given)."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from busway.domain.errors import BuswayError, NotFound, Unavailable

CLOUDS_VARIABLES = ("BUSWAY_CLOUDS", "OS_CLIENT_CONFIG_FILE")
# What the commands read of servers and flavors is as this microversion has it.
COMPUTE_VERSION = "compute 2.100"
_TIMEOUT = 60.0
_REMEDY = " What to do: "


def find_clouds(path: str | None) -> Path:
    """The clouds.yaml to use: the one named, an environment variable's, or the state folder's."""
    from busway.bootstrap.config import default_state

    named = path or next((os.environ[name] for name in CLOUDS_VARIABLES if os.environ.get(name)), None)
    found = Path(named) if named else default_state() / "clouds.yaml"
    if not found.exists():
        raise NotFound(
            f"There is no {found}",
            detail="The first start of the control plane writes it.",
            remedy="Start `busway serve` (or `busway up`), or set the file with --clouds or BUSWAY_CLOUDS.",
            code="clouds-not-found",
        )
    return found


class Client:
    """A session with one cloud; raises the errors that the control plane returns."""

    def __init__(self, clouds: Path) -> None:
        name = os.environ.get("OS_CLOUD", "busway")
        entry = yaml.safe_load(clouds.read_text())["clouds"]
        found = entry.get(name) or next(iter(entry.values()))
        auth = found["auth"]
        self._auth_url = str(auth["auth_url"]).rstrip("/")
        self._base = self._auth_url.removesuffix("/v3").removesuffix("/identity")
        self._http = httpx.Client(timeout=_TIMEOUT, verify=_trust(self._base, found.get("cacert")))
        try:
            self._http.headers["X-Auth-Token"] = self._token(auth)
        except BaseException:
            self._http.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        """Calls /busway/v1/PATH and returns its JSON, None where it has no body."""
        return self.openstack(method, f"busway/v1/{path}", body, params)

    def openstack(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
        media_type: str = "application/json",
    ) -> Any:
        """Calls PATH, such as compute/v2.1/servers, and returns its JSON, None where it has no body."""
        wanted = {key: value for key, value in (params or {}).items() if value is not None}
        headers = {"OpenStack-API-Version": COMPUTE_VERSION}
        if body is not None:
            headers["Content-Type"] = media_type
        try:
            answer = self._http.request(method, f"{self._base}/{path}", json=body, params=wanted, headers=headers)
        except httpx.HTTPError as error:
            raise _unreachable(self._base, error) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _error_of(answer)

    def upload(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Puts data of so many bytes to PATH, piece by piece."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        try:
            answer = self._http.put(f"{self._base}/{path}", content=iter(pieces), headers=headers)
        except httpx.HTTPError as error:
            raise _unreachable(self._base, error) from error
        if not answer.is_success:
            raise _error_of(answer)

    def _token(self, auth: dict[str, Any]) -> str:
        domain = {"id": auth.get("user_domain_id", "default")}
        user = {"name": auth["username"], "password": auth["password"], "domain": domain}
        scope = {"project": {"name": auth["project_name"], "domain": {"id": auth.get("project_domain_id", "default")}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        try:
            answer = self._http.post(f"{self._base}/identity/v3/auth/tokens", json=body)
        except httpx.HTTPError as error:
            raise _unreachable(self._base, error) from error
        if not answer.is_success:
            raise _error_of(answer)
        return answer.headers["X-Subject-Token"]


def _trust(url: str, cacert: str | None) -> ssl.SSLContext:
    """What clouds.yaml says of whom to trust, as OpenStack's clients read it; nobody where there is no TLS.

    To read the system's authorities takes longer than most requests.
    """
    from busway.pki.context import client_context

    if url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cacert is None:
        return client_context()
    try:
        return client_context(Path(cacert).expanduser().read_text())
    except OSError as error:
        raise NotFound(
            f"The authority {cacert} can't be read",
            detail=f"clouds.yaml names it as cacert: {error.strerror}.",
            remedy="Copy tls/ca.pem of the control plane's state folder there, or correct the path.",
            code="cacert-not-found",
        ) from error


def _unreachable(url: str, error: httpx.HTTPError) -> Unavailable:
    from busway.pki.trouble import distrust

    if why := distrust(error):
        return Unavailable(
            f"The server at {url} is not trusted",
            detail=f"Its certificate is not trusted: {why}.",
            remedy="Set cacert in clouds.yaml to the authority of the control plane: tls/ca.pem of its state folder.",
            code="control-untrusted",
        )
    return Unavailable(
        f"The control plane at {url} does not answer",
        detail=f"{type(error).__name__}: {error}",
        remedy="Check that `busway serve` (or `busway up`) is running.",
        code="control-unreachable",
    )


def _error_of(answer: httpx.Response) -> BuswayError:
    """The error that was returned: Busway's own form, or the one key of Nova's and Neutron's."""
    try:
        body = answer.json()
        fields = body.get("error") or next(iter(body.values()))
        brief, _, remedy = str(fields.get("brief") or fields["message"]).partition(_REMEDY)
    except (ValueError, AttributeError, LookupError, StopIteration):
        fields, brief, remedy = {}, f"The control plane answered {answer.status_code}", ""
    return BuswayError(
        brief,
        detail=fields.get("detail", ""),
        remedy=fields.get("remedy") or remedy,
        code=answer.headers.get("x-busway-error-code") or str(fields.get("code", "http")),
    )
