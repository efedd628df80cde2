"""The agent's side of the conversation with the control plane: the seam `AgentLink` and its HTTP side."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

import httpx

from busway.agent.console_stream import ConsoleStream, dial
from busway.agent.credential import Credential
from busway.domain.condition import Conditions
from busway.domain.console import ConsoleCall
from busway.domain.documents import Desired, Observed
from busway.domain.errors import (
    BadInput,
    BuswayError,
    Conflict,
    Forbidden,
    HostError,
    NotAuthenticated,
    NotFound,
    Unavailable,
)
from busway.domain.ids import ImageId, ServerId
from busway.domain.question import HostAnswer, HostQuestion
from busway.pki.request import make_request
from busway.pki.trouble import distrust
from busway.wire.console import ConsoleCalls
from busway.wire.documents import decode, decode_desired, encode
from busway.wire.join import Joined, RenewRequest

_KINDS: dict[int, type[BuswayError]] = {
    400: BadInput,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Unavailable,
}
_CHUNK = 1 << 20


class AgentLink(Protocol):
    """What an agent asks of its control plane; `Unavailable` means that trying again later is right."""

    def fetch_desired(self, after: int, wait: float) -> Desired | None:
        """Waits up to `wait` seconds for a document newer than generation `after`; None when there is none."""

    def report(self, observed: Observed) -> None:
        """Hands in what was seen; `Conflict` when a newer report is known there."""

    def put_conditions(self, conditions: Conditions) -> None:
        """Hands in how the host does; `NotFound` when the control plane is older than that."""

    def download(self, image_id: ImageId, sink: Callable[[bytes], object]) -> None:
        """Feeds an image's bytes to `sink`, piece by piece."""

    def upload_disk(self, server_id: ServerId, image_id: ImageId, pieces: Iterable[bytes], size: int) -> None:
        """Hands in a server's disk as an image of `size` bytes; `Conflict` when that image has its data already."""

    def put_console(self, server_id: ServerId, text: bytes) -> None:
        """Hands in the end of a guest's console."""

    def fetch_console_calls(self, wait: float) -> tuple[ConsoleCall | HostQuestion, ...]:
        """Waits up to `wait` seconds until somebody waits for a console of a guest here or an answer about one; says who does."""

    def answer_question(self, question_id: str, answer: HostAnswer) -> None:
        """Hands in the answer to a question; `NotFound` where nobody waits for it any more."""

    def post_password(self, server_id: ServerId, password: str) -> None:
        """Hands in the password that a guest has posted; `Conflict` when it has posted one before."""

    def answer_console(self, call_id: str) -> ConsoleStream:
        """Dials in for one call; `NotFound` where nobody waits for it, which another control process may know better."""

    def renew_credential(self) -> bool:
        """Gets a new credential when it is time; says whether it did."""

    def close(self) -> None:
        """Ends the conversation."""


class HttpLink:
    """The control plane over HTTP, with the host's credential; with `keep`, which stores it, the credential is renewed automatically."""

    def __init__(
        self,
        credential: Credential,
        transport: httpx.BaseTransport | None = None,
        *,
        keep: Callable[[Credential], None] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._credential = credential
        self._host = credential.host
        self._transport = transport
        self._keep = keep
        self._wall = wall
        self._client = self._connect(credential)

    def _connect(self, credential: Credential) -> httpx.Client:
        return httpx.Client(
            base_url=f"{credential.url.rstrip('/')}/agent/v1",
            headers={"Authorization": f"Bearer {credential.token}"},
            timeout=httpx.Timeout(30.0, connect=10.0),
            transport=self._transport,
            verify=credential.tls(),
            trust_env=False,
        )

    def renew_credential(self) -> bool:
        """PUT the hash of the next token; what is next is written down before it is used, and the present one is good till then."""
        old = self._credential
        if self._keep is None or not 0 < old.renew_at <= self._wall():
            return False
        secret = secrets.token_urlsafe(32)
        key, request = make_request(self._host)
        body = encode(RenewRequest(hashlib.sha256(secret.encode()).hexdigest(), request))
        answer = self._send("PUT", f"/hosts/{self._host}/credential", content=body, headers=_JSON)
        joined = decode(answer.content, Joined)
        certificate = {"certificate": joined.certificate, "key": key} if joined.certificate else {}
        fresh = replace(old, token=secret, renew_at=self._wall() + joined.renew_after, **certificate)
        self._keep(fresh)
        self._client.close()
        self._client = self._connect(fresh)
        self._credential = fresh
        return True

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def fetch_desired(self, after: int, wait: float) -> Desired | None:
        """GET desired, a long poll."""
        query = {"after": str(after), "wait": f"{wait:g}"}
        answer = self._send("GET", f"/hosts/{self._host}/desired", params=query, timeout=wait + 30.0)
        return None if answer.status_code == 204 else decode_desired(answer.content)

    def report(self, observed: Observed) -> None:
        """PUT observed."""
        self._send("PUT", f"/hosts/{self._host}/observed", content=encode(observed), headers=_JSON)

    def put_conditions(self, conditions: Conditions) -> None:
        """PUT conditions."""
        self._send("PUT", f"/hosts/{self._host}/conditions", content=encode(conditions), headers=_JSON)

    def download(self, image_id: ImageId, sink: Callable[[bytes], object]) -> None:
        """GET the image's file as a stream; a slow one is fine, a silent one fails after 30 s."""
        try:
            with self._client.stream("GET", f"/images/{image_id}/file") as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer)
                for piece in answer.iter_bytes(_CHUNK):
                    sink(piece)
        except httpx.HTTPError as error:
            raise unreachable(self._client.base_url, error) from error

    def upload_disk(self, server_id: ServerId, image_id: ImageId, pieces: Iterable[bytes], size: int) -> None:
        """PUT the disk as a stream."""
        path = f"/hosts/{self._host}/servers/{server_id}/disks/{image_id}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._send("PUT", path, content=iter(pieces), headers=headers)

    def put_console(self, server_id: ServerId, text: bytes) -> None:
        """PUT the console's text."""
        path = f"/hosts/{self._host}/servers/{server_id}/console"
        self._send("PUT", path, content=text, headers={"Content-Type": "text/plain; charset=utf-8"})

    def fetch_console_calls(self, wait: float) -> tuple[ConsoleCall | HostQuestion, ...]:
        """GET consoles, a long poll."""
        path = f"/hosts/{self._host}/consoles"
        answer = self._send("GET", path, params={"wait": f"{wait:g}"}, timeout=wait + 30.0)
        found = decode(answer.content, ConsoleCalls)
        return (*found.calls, *found.questions)

    def answer_question(self, question_id: str, answer: HostAnswer) -> None:
        """PUT the answer."""
        self._send("PUT", f"/hosts/{self._host}/questions/{question_id}", content=encode(answer), headers=_JSON)

    def post_password(self, server_id: ServerId, password: str) -> None:
        """PUT the password as text."""
        path = f"/hosts/{self._host}/servers/{server_id}/password"
        self._send("PUT", path, content=password.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})

    def answer_console(self, call_id: str) -> ConsoleStream:
        """Opens a WebSocket with the same credential."""
        credential = self._credential
        url = f"{credential.url.rstrip('/')}/agent/v1/hosts/{self._host}/consoles/{call_id}"
        return dial(url, credential.token, credential.tls())

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise unreachable(self._client.base_url, error) from error
        if not answer.is_success:
            raise error_of(answer)
        return answer


_JSON = {"Content-Type": "application/json"}


def unreachable(url: object, error: httpx.HTTPError) -> Unavailable:
    """Why nothing was asked of the control plane; one that can't show who it is gets nothing either."""
    if why := distrust(error):
        return Unavailable(
            f"The server at {url} is not the control plane that this host joined",
            detail=f"Its certificate is not trusted: {why}. Nothing was sent to it.",
            remedy="Another machine may intercept the connection. If the control plane has a new authority, let this "
            "host join again.",
            code="control-untrusted",
        )
    return Unavailable(
        f"The control plane at {url} can't be reached",
        detail=f"{type(error).__name__}: {error}",
        remedy="Check that it runs and that this host can reach it; the agent retries automatically.",
        code="control-away",
    )


def error_of(answer: httpx.Response) -> BuswayError:
    """Turns an error answer into the error that the control plane meant."""
    try:
        words = answer.json()["error"]
        brief, detail, remedy, code = (str(words.get(key, "")) for key in ("brief", "detail", "remedy", "code"))
    except (ValueError, KeyError, TypeError, AttributeError):
        brief, detail, remedy, code = "", answer.text[:200], "", ""
    kind = Unavailable if answer.status_code >= 500 else _KINDS.get(answer.status_code, HostError)
    return kind(brief or f"The control plane answered {answer.status_code}", detail=detail, remedy=remedy, code=code)
