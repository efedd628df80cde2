"""Tokens for requests that are signed with an access key: a service that got such a request asks for one.

As in Keystone since OSSA-2025-002 only a service or an admin may ask: whoever has seen a signed request is not yet its user.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.identity import answers
from busway.api.identity.tokens import token_body
from busway.api.operation import Operation
from busway.api.schema import Definition, Schema, closed
from busway.control.identity.signed_requests import token_for_request, token_for_string
from busway.domain.aws_signature import SignedRequest
from busway.domain.errors import BadInput

_TEXT: Definition = {"type": "string", "maxLength": 4096}
_TEXT_OR_NULL: Definition = {"type": ["string", "null"], "maxLength": 4096}
_PAIRS: Definition = {
    "type": ["object", "null"],
    "maxProperties": 256,
    "additionalProperties": {"type": ["string", "null"], "maxLength": 8192},
}
_ACCESS: Definition = {"type": "string", "minLength": 1, "maxLength": 64}
_REQUEST: Definition = closed(
    {
        "access": _ACCESS,
        "signature": _TEXT,
        **dict.fromkeys(("host", "verb", "path", "body_hash"), _TEXT_OR_NULL),
        "params": _PAIRS,
        "headers": _PAIRS,
    },
    "access",
)
_EC2 = Schema(
    {
        "type": "object",
        "properties": {"credentials": _REQUEST, "ec2Credentials": _REQUEST},
        "additionalProperties": False,
        "anyOf": [{"required": ["credentials"]}, {"required": ["ec2Credentials"]}],
    }
)
_S3 = Schema(
    closed(
        {
            "credentials": closed(
                {"access": _ACCESS, "signature": _TEXT, "token": {"type": "string", "maxLength": 16384}},
                "access",
                "signature",
                "token",
            )
        },
        "credentials",
    )
)


def _of_request(call: Call) -> Reply:
    given: dict[str, Any] = call.body.get("credentials") or call.body["ec2Credentials"]
    params = {name: value or "" for name, value in (given.get("params") or {}).items()}
    signature = given.get("signature") or params.get("Signature") or params.get("X-Amz-Signature") or ""
    headers = {name.lower(): value or "" for name, value in (given.get("headers") or {}).items()}
    if not signature and "Signature=" in headers.get("authorization", ""):
        signature = headers["authorization"].rpartition("Signature=")[2].strip()
    fields = {name: given.get(name) or "" for name in ("verb", "host", "path", "body_hash")}
    request = SignedRequest(given["access"], signature, params=params, headers=headers, **fields)
    return _reply(call, *token_for_request(call.control, call.caller, request))


def _of_string(call: Call) -> Reply:
    given = call.body["credentials"]
    try:
        text = base64.b64decode(
            given["token"], altchars=b"-_" if {"-", "_"} & set(given["token"]) else None, validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise BadInput("The token of the credentials is not base64", code="ec2-signature-form") from error
    return _reply(call, *token_for_string(call.control, call.caller, given["access"], text, given["signature"]))


def _reply(call: Call, secret: str, token: Any) -> Reply:
    return Reply({"token": token_body(call, token)}, 200, {"X-Subject-Token": secret, "Vary": "X-Auth-Token"})


_ANSWER = wrap("token", answers.TOKEN)
OPERATIONS = (
    Operation("POST", "/identity/v3/ec2tokens", _of_request, _EC2, rule="identity:ec2tokens_validate", answer=_ANSWER),
    Operation("POST", "/identity/v3/s3tokens", _of_string, _S3, rule="identity:s3tokens_validate", answer=_ANSWER),
)
