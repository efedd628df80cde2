"""Credentials that users keep; a list tells all but the secrets."""

from __future__ import annotations

from typing import Any

from busway.api.call import Call
from busway.api.identity import answers
from busway.api.identity.attributes import ID, ID_OR_NONE
from busway.api.identity.resource import Resource
from busway.api.schema import PAGE, WORD, Definition, closed, wrapped
from busway.control.identity import credentials
from busway.control.identity.tree import refuse_move
from busway.domain.credential import Credential
from busway.domain.ids import ProjectId, UserId
from busway.store.credentials import CredentialFilter

ROOT = "/identity/v3/credentials"
_BLOB = {"type": "string", "minLength": 1, "maxLength": 16384}
_TYPE = {"type": "string", "minLength": 1, "maxLength": 255}
_FIELDS = {"blob": _BLOB, "type": _TYPE, "user_id": ID, "project_id": ID_OR_NONE}
_CREATE = wrapped("credential", closed(_FIELDS, "blob", "type"))
_UPDATE = wrapped("credential", closed({"id": ID, **_FIELDS}))
_QUERY: Definition = {**PAGE, "user_id": WORD, "type": WORD}


def _body(call: Call, credential: Credential) -> dict[str, object]:
    return {
        "id": credential.id,
        "type": credential.type,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "blob": credential.blob or None,  # "" where it is not read: in lists
        "links": {"self": call.url(f"{ROOT}/{credential.id}")},
    }


def _find(call: Call) -> list[Credential]:
    wanted = CredentialFilter(call.text("user_id"), call.text("type"), call.number("limit"), call.text("marker"))
    return credentials.list_credentials(call.control, call.caller, wanted)


def _create(call: Call, given: dict[str, Any]) -> Credential:
    project = ProjectId(given["project_id"]) if given.get("project_id") else None
    user = UserId(given.get("user_id") or call.caller.user_id)
    wanted = Credential("", given["type"], user, project, blob=given["blob"])
    return credentials.create_credential(call.control, call.caller, wanted)


def _update(call: Call, given: dict[str, Any]) -> Credential:
    blob = given.pop("blob", None)
    if given:
        known = credentials.get_credential(call.control, call.caller, call.path["id"])
        for name, value in given.items():
            refuse_move("credential", name, getattr(known, name), value)
    return credentials.update_credential(call.control, call.caller, call.path["id"], blob)


_CREDENTIALS = Resource(
    "credential", ROOT, answers.KEPT_CREDENTIAL, _body, credentials.get_credential, credentials.delete_credential
)
OPERATIONS = _CREDENTIALS.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE))
