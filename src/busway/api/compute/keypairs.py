"""Key pairs: import a public key, or have one generated below 2.92."""

from __future__ import annotations

from busway.api.answer import FALSE, NOTHING, NUMBER, TEXT, optional, words, wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import NEXT
from busway.api.compute.links import STRICT, limit_of, next_link
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import NAME, PAGE, WORD, closed, wrapped
from busway.control import keypairs
from busway.domain.ids import UserId
from busway.domain.keypair import SSH, X509, Keypair

ROOT = "/compute/v2.1/os-keypairs"

_TYPE = {"enum": [SSH, X509]}
_PUBLIC = {"type": "string", "minLength": 1, "maxLength": 16384}
_BASE = {"name": NAME, "public_key": _PUBLIC}
_TYPED = {**_BASE, "type": _TYPE}
_OWNED = {**_TYPED, "user_id": {"type": "string", "minLength": 1, "maxLength": 64}}
CREATE = {
    1: wrapped("keypair", closed(_BASE, "name")),
    2: wrapped("keypair", closed(_TYPED, "name")),
    10: wrapped("keypair", closed(_OWNED, "name")),
    92: wrapped("keypair", closed(_OWNED, "name", "public_key")),
}

_LISTED: tuple[Field[Keypair], ...] = (
    Field("name", lambda key, _: key.name, TEXT),
    Field("public_key", lambda key, _: key.public_key, TEXT),
    Field("fingerprint", lambda key, _: key.fingerprint, TEXT),
    Field("type", lambda key, _: key.type, words("ssh", "x509"), since=2),
)
_CREATED: tuple[Field[Keypair], ...] = (*_LISTED, Field("user_id", lambda key, _: key.user_id, TEXT))
_SHOWN: tuple[Field[Keypair], ...] = (
    *_CREATED,
    Field("created_at", lambda key, _: micro_time(key.created), TEXT),
    Field("deleted", fixed(False), FALSE),
    Field("deleted_at", fixed(None), NOTHING),
    Field("id", fixed(1), NUMBER),
    Field("updated_at", fixed(None), NOTHING),
)


def _owner(call: Call) -> UserId | None:
    user = call.text("user_id") if call.version >= 10 else None
    return UserId(user) if user else None


def _list(call: Call) -> Reply:
    if call.version < 35:
        found = keypairs.list_keypairs(call.control, call.caller, _owner(call))
        return Reply({"keypairs": [{"keypair": render(_LISTED, key, call)} for key in found]})
    limit = limit_of(call)
    found = keypairs.list_keypairs(call.control, call.caller, _owner(call), limit=limit, marker=call.text("marker"))
    body: dict[str, object] = {"keypairs": [{"keypair": render(_LISTED, key, call)} for key in found]}
    if found and len(found) == call.number("limit"):
        body["keypairs_links"] = next_link(call, ROOT, found[-1].name)
    return Reply(body)


def _show(call: Call) -> Reply:
    key = keypairs.get_keypair(call.control, call.caller, call.path["name"], _owner(call))
    return Reply({"keypair": render(_SHOWN, key, call)})


def _create(call: Call) -> Reply:
    given = call.body["keypair"]
    kind = given.get("type", SSH)
    owner = UserId(given["user_id"]) if "user_id" in given else None
    status = 201 if call.version >= 2 else 200
    if "public_key" in given:
        key = keypairs.import_keypair(call.control, call.caller, given["name"], given["public_key"], owner, kind)
        return Reply({"keypair": render(_CREATED, key, call)}, status)
    generate = keypairs.generate_certificate if kind == X509 else keypairs.generate_keypair
    key, private = generate(call.control, call.caller, given["name"], owner)
    return Reply({"keypair": {**render(_CREATED, key, call), "private_key": private}}, status)


def _delete(call: Call) -> Reply:
    keypairs.delete_keypair(call.control, call.caller, call.path["name"], _owner(call))
    return Reply(status=204 if call.version >= 2 else 202)


_OWNER = {"user_id": WORD}  # from 2.10 on

OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query={**PAGE, **_OWNER},
        strict=STRICT,
        rule="os_compute_api:os-keypairs:index",
        answer=wrap_list("keypairs", wrap("keypair", shape_of(_LISTED, "listed-keypair")), keypairs_links=NEXT),
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        CREATE,
        rule="os_compute_api:os-keypairs:create",
        answer=wrap("keypair", shape_of(_CREATED, "new-keypair", private_key=optional(TEXT))),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{name}}",
        _show,
        query=_OWNER,
        strict=STRICT,
        rule="os_compute_api:os-keypairs:show",
        answer=wrap("keypair", shape_of(_SHOWN, "keypair")),
    ),
    Operation("DELETE", f"{ROOT}/{{name}}", _delete, query=_OWNER, rule="os_compute_api:os-keypairs:delete"),
)
