"""A user's access keys in EC2's form; a list tells all but the secrets."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID
from busway.api.identity.listing import links, only
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.identity import credentials
from busway.domain.credential import AccessKey, Credential

_ROOT = "/identity/v3/users/{user}/credentials/OS-EC2"
_CREATE = Schema(closed({"tenant_id": ID}, "tenant_id"))


def _body(call: Call, credential: Credential, key: AccessKey) -> dict[str, object]:
    path = f"/identity/v3/users/{credential.user_id}/credentials/OS-EC2/{key.access}"
    return {
        "access": key.access,
        "secret": key.secret or None,
        "user_id": credential.user_id,
        "tenant_id": credential.project_id,
        "trust_id": None,
        "links": {"self": call.url(path)},
    }


def _list(call: Call) -> Reply:
    only(call, {})
    found = credentials.list_access_keys(call.control, call.caller, call.path["user"])
    rows = [_body(call, *each) for each in found]
    path = f"/identity/v3/users/{call.path['user']}/credentials/OS-EC2"
    return Reply({"credentials": rows, "links": links(call, path)})


def _show(call: Call) -> Reply:
    found = credentials.get_access_key(call.control, call.caller, call.path["user"], call.path["key"])
    return Reply({"credential": _body(call, *found)})


def _create(call: Call) -> Reply:
    made = credentials.create_access_key(call.control, call.caller, call.path["user"], call.body["tenant_id"])
    return Reply({"credential": _body(call, *made)}, 201)


def _delete(call: Call) -> Reply:
    credentials.delete_access_key(call.control, call.caller, call.path["user"], call.path["key"])
    return NO_CONTENT


_ANSWER = wrap("credential", answers.ACCESS_KEY)
OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        rule="identity:ec2_list_credentials",
        answer=answers.listed("credentials", answers.ACCESS_KEY),
    ),
    Operation("POST", _ROOT, _create, _CREATE, rule="identity:ec2_create_credential", answer=_ANSWER),
    Operation("GET", f"{_ROOT}/{{key}}", _show, rule="identity:ec2_get_credential", answer=_ANSWER),
    Operation("DELETE", f"{_ROOT}/{{key}}", _delete, rule="identity:ec2_delete_credential"),
)
