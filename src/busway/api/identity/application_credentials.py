"""Application credentials and their access rules."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import micro_time
from busway.api.identity.answers import CREDENTIAL, NEW_CREDENTIAL, listed
from busway.api.identity.listing import NAME, links, name_like, only
from busway.api.operation import Operation
from busway.api.schema import Definition, Schema, as_moment, closed
from busway.control.identity import application_credentials as credentials
from busway.control.identity.application_credentials import NewCredential
from busway.domain.application_credential import ApplicationCredential

_ROOT = "/identity/v3/users/{user}/application_credentials"
_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_RULE = closed(
    {
        "service": _TEXT,
        "method": {"enum": list(_METHODS)},
        "path": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^/"},
    },
    "service",
    "method",
    "path",
)
_QUERY: Definition = NAME
_CREATE = Schema(
    closed(
        {
            "application_credential": closed(
                {
                    "name": _TEXT,
                    "secret": {"type": ["string", "null"], "minLength": 1, "maxLength": 4096},
                    "description": {"type": ["string", "null"], "maxLength": 65535},
                    "roles": {
                        "type": "array",
                        "maxItems": 100,
                        "items": closed({"id": {"type": "string"}, "name": {"type": "string"}}),
                    },
                    "expires_at": {"type": ["string", "null"], "maxLength": 64},
                    "unrestricted": {"type": ["boolean", "null"]},
                    "access_rules": {"type": "array", "maxItems": 100, "items": _RULE},
                },
                "name",
            )
        },
        "application_credential",
    )
)


def _body(call: Call, one: ApplicationCredential) -> dict[str, object]:
    names = credentials.role_names(call.control, one.roles)
    body: dict[str, object] = {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "user_id": one.user_id,
        "project_id": one.project_id,
        "system": None,
        "roles": [{"id": each, "name": names[each], "domain_id": None} for each in one.roles if each in names],
        "expires_at": micro_time(one.expires) if one.expires else None,
        "unrestricted": one.unrestricted,
        "links": {"self": call.url(f"/identity/v3/users/{one.user_id}/application_credentials/{one.id}")},
    }
    if one.access_rules is not None:
        body["access_rules"] = [rule.as_dict() for rule in one.access_rules]
    return body


def _create(call: Call) -> Reply:
    given = call.body["application_credential"]
    roles = given.get("roles")
    rules = given.get("access_rules")
    wanted = NewCredential(
        name=given["name"],
        secret=given.get("secret") or "",
        description=given.get("description") or "",
        roles=tuple(str(each.get("id") or each.get("name") or "") for each in roles) if roles else None,
        access_rules=None if rules is None else tuple(rules),
        unrestricted=bool(given.get("unrestricted")),
        expires=as_moment(given.get("expires_at"), "expires_at"),
    )
    made, secret = credentials.create_credential(call.control, call.caller, call.path["user"], wanted)
    return Reply({"application_credential": {**_body(call, made), "secret": secret}}, 201)


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    name = call.text("name")
    found = credentials.list_credentials(call.control, call.caller, call.path["user"], like=name_like(call))
    kept = [_body(call, each) for each in found if name in (None, each.name)]
    path = f"/identity/v3/users/{call.path['user']}/application_credentials"
    return Reply({"application_credentials": kept, "links": links(call, path)})


def _show(call: Call) -> Reply:
    path = call.path
    found = credentials.get_credential(call.control, call.caller, path["user"], path["id"])
    return Reply({"application_credential": _body(call, found)})


def _delete(call: Call) -> Reply:
    credentials.delete_credential(call.control, call.caller, call.path["user"], call.path["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_application_credentials",
        answer=listed("application_credentials", CREDENTIAL),
    ),
    Operation(
        "POST",
        _ROOT,
        _create,
        _CREATE,
        rule="identity:create_application_credential",
        hashes=True,
        answer=wrap("application_credential", NEW_CREDENTIAL),
    ),
    Operation(
        "GET",
        f"{_ROOT}/{{id}}",
        _show,
        rule="identity:get_application_credential",
        answer=wrap("application_credential", CREDENTIAL),
    ),
    Operation("DELETE", f"{_ROOT}/{{id}}", _delete, rule="identity:delete_application_credential"),
)
