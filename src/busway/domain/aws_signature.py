"""Whether a request is signed with an access key, in the forms of AWS: version 2 and version 4, with HMAC-SHA256.

The older forms, which sign less of a request or with SHA-1, are refused. Sources: AWS, "Signature Version 2" and "Signature Version 4
signing process"; what of a request a service hands in is python-keystoneclient's `contrib/ec2`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from busway.domain.errors import BadInput, NotAuthenticated

AGE = timedelta(minutes=15)  # Keystone's auth_ttl: how old or early a signature may be
ALGORITHM = "AWS4-HMAC-SHA256"
_SAFE = "-_.~"
_SCOPE = re.compile(r"(\d{8})/([^/\s]{1,64})/([^/\s]{1,64})/aws4_request")
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^/,\s]+)/([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{{64}})"
)
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that a service got, with the signature that it came with; names of headers are in small letters."""

    access: str
    signature: str
    verb: str = ""
    host: str = ""
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body_hash: str = ""


def check_signature(request: SignedRequest, secret: str, now: datetime) -> None:
    """Raises `NotAuthenticated` for another signature or an old one, `BadInput` for a form that is not known."""
    if "authorization" in request.headers or ALGORITHM in request.params.values():
        wanted, signed = _version_4(request, secret)
    elif request.params.get("SignatureVersion") == "2" and request.params.get("SignatureMethod") == "HmacSHA256":
        wanted, signed = _version_2(request, secret)
    else:
        raise BadInput(
            "The signature is of a form that is not known",
            detail=f"Known are version 2 with HmacSHA256, and version 4 ({ALGORITHM}).",
            remedy="Sign with one of these.",
            code="ec2-signature-form",
        )
    if not hmac.compare_digest(wanted.encode(), request.signature.encode()):
        raise _wrong("The signature is not that of the access key's secret.")
    if abs(now - signed) > AGE:
        raise _wrong(
            f"It was signed at {signed:%Y-%m-%d %H:%M:%S} UTC; a signature is good for {AGE.seconds // 60} minutes."
        )


def check_string(text: bytes, signature: str, secret: str, now: datetime) -> None:
    """Checks the signature (version 4) of a text that a storage service made of a request; its second line is the time."""
    lines = text.decode("utf-8", "replace").split("\n")
    if len(lines) != 4 or lines[0] != ALGORITHM:
        raise BadInput(
            "The text is not one that is signed in version 4",
            detail=f"It has the lines {ALGORITHM}, time, scope and hash.",
            remedy="Have the service sign in version 4.",
            code="ec2-signature-form",
        )
    wanted = hmac.new(_key(secret, lines[2]), text, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise _wrong("The signature is not that of the access key's secret.")
    if abs(now - _time(lines[1])) > AGE:
        raise _wrong(f"It was signed at {lines[1]}; a signature is good for {AGE.seconds // 60} minutes.")


def _version_2(request: SignedRequest, secret: str) -> tuple[str, datetime]:
    params = {name: value for name, value in request.params.items() if name != "Signature"}
    text = "\n".join((request.verb, request.host.lower(), request.path or "/", _query(params)))
    made = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return made, _time(params.get("Timestamp", "").replace("-", "").replace(":", "").split(".")[0].rstrip("Z") + "Z")


def _version_4(request: SignedRequest, secret: str) -> tuple[str, datetime]:
    """The signature in the header, or in the query, where the hash of the body stands for itself."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    if found is not None:
        credential, scope, names = found[1], found[2], found[3]
        params = dict(request.params)
        time = request.headers.get("x-amz-date", "")
    else:
        credential, _, scope = request.params.get("X-Amz-Credential", "").partition("/")
        names = request.params.get("X-Amz-SignedHeaders", "")
        params = {name: value for name, value in request.params.items() if name != "X-Amz-Signature"}
        time = request.params.get("X-Amz-Date", "")
    if credential != request.access:
        raise _wrong("It was signed with another access key.")
    signed = names.lower().split(";")
    if "host" not in signed:
        raise _wrong("The host is not signed.")
    all_headers = {"host": request.host, **request.headers}
    headers = "".join(f"{name}:{' '.join(all_headers.get(name, '').split())}\n" for name in signed)
    canonical = "\n".join(
        (
            request.verb,
            quote(request.path or "/", safe=f"/{_SAFE}"),
            _query(params),
            headers,
            names,
            request.body_hash or _EMPTY_HASH,
        )
    )
    if not time.startswith(scope[:8]):
        raise _wrong("The days of its scope and of its time differ.")
    text = "\n".join((ALGORITHM, time, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(_key(secret, scope), text.encode(), hashlib.sha256).hexdigest(), _time(time)


def _key(secret: str, scope: str) -> bytes:
    if _SCOPE.fullmatch(scope) is None:
        raise _wrong("Its scope is not DATE/REGION/SERVICE/aws4_request.")
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _query(params: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe=_SAFE), quote(value, safe=_SAFE)) for name, value in params.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _wrong("It has no time, so it could be used for ever.") from error


def _wrong(detail: str) -> NotAuthenticated:
    return NotAuthenticated(
        "The request you have made requires authentication",
        detail=detail,
        remedy="Check the access key and its secret (openstack ec2 credentials list), and the clocks.",
        code="ec2-signature",
    )
