"""Trusts (OS-TRUST)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import keystone_time
from busway.api.identity import answers
from busway.api.identity.attributes import ID
from busway.api.identity.listing import links, only
from busway.api.identity.roles import ROLES, role_body
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition, as_moment, closed, wrapped
from busway.control.identity import trusts
from busway.control.identity.trusts import NewTrust
from busway.domain.errors import NotFound
from busway.domain.identity import Role
from busway.domain.trust import Trust
from busway.store.trusts import TrustFilter

ROOT = "/identity/v3/OS-TRUST/trusts"
_COUNT = {"type": ["integer", "null"], "minimum": 0, "maximum": 1000}
_FIELDS = {
    "trustor_user_id": ID,
    "trustee_user_id": ID,
    "project_id": ID,
    "impersonation": {"type": "boolean"},
    "expires_at": {"type": ["string", "null"], "maxLength": 64},
    "remaining_uses": {"type": ["integer", "null"], "minimum": 1, "maximum": 0x7FFFFFFF},
    "allow_redelegation": {"type": ["boolean", "null"]},
    "redelegation_count": _COUNT,
    "roles": {
        "type": "array",
        "maxItems": 100,
        "items": closed({"id": {"type": "string"}, "name": {"type": "string"}}),
    },
}
_NEEDED = ("trustor_user_id", "trustee_user_id", "project_id", "impersonation", "roles")
_CREATE = wrapped("trust", closed(_FIELDS, *_NEEDED))
_QUERY: Definition = {**PAGE, "trustor_user_id": WORD, "trustee_user_id": WORD}


def _body(call: Call, trust: Trust, roles: Mapping[str, Role] | None) -> dict[str, object]:
    """A trust; with its roles where they are given."""
    path = f"{ROOT}/{trust.id}"
    body: dict[str, object] = {
        "id": trust.id,
        "trustor_user_id": trust.trustor_id,
        "trustee_user_id": trust.trustee_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "expires_at": keystone_time(trust.expires) if trust.expires else None,
        "deleted_at": None,
        "remaining_uses": trust.remaining_uses,
        "redelegation_count": trust.redelegation_count,
        "redelegated_trust_id": trust.parent_id,
        "links": {"self": call.url(path)},
    }
    if roles is not None:
        body["roles"] = [role_body(call, roles[each]) for each in trust.roles if each in roles]
        body["roles_links"] = {"self": call.url(f"{path}/roles"), "next": None, "previous": None}
    return body


def _whole(call: Call, trust: Trust) -> dict[str, object]:
    return {"trust": _body(call, trust, trusts.roles_of(call.control, [trust]))}


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    wanted = TrustFilter(
        call.text("trustor_user_id"), call.text("trustee_user_id"), call.number("limit"), call.text("marker")
    )
    found = trusts.list_trusts(call.control, call.caller, wanted)
    rows = [_body(call, each, None) for each in found]
    return Reply({"trusts": rows, "links": links(call, ROOT, [each.id for each in found])})


def _show(call: Call) -> Reply:
    return Reply(_whole(call, trusts.get_trust(call.control, call.caller, call.path["id"])))


def _create(call: Call) -> Reply:
    given = call.body["trust"]
    wanted = NewTrust(
        given["trustor_user_id"],
        given["trustee_user_id"],
        given["project_id"],
        tuple(str(each.get("id") or each.get("name") or "") for each in given["roles"]),
        given["impersonation"],
        as_moment(given.get("expires_at"), "expires_at"),
        given.get("remaining_uses"),
        given.get("redelegation_count") if given.get("allow_redelegation") else 0,
    )
    return Reply(_whole(call, trusts.create_trust(call.control, call.caller, wanted)), 201)


def _delete(call: Call) -> Reply:
    trusts.delete_trust(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _roles(call: Call) -> list[Any]:
    trust = trusts.get_trust(call.control, call.caller, call.path["id"], call.rule)
    known = trusts.roles_of(call.control, [trust])
    return [known[each] for each in trust.roles if each in known]


def _list_roles(call: Call) -> Reply:
    return ROLES.many(call, f"{ROOT}/{call.path['id']}/roles", _roles(call))


def _show_role(call: Call) -> Reply:
    for role in _roles(call):
        if role.id == call.path["role"]:
            return Reply({"role": role_body(call, role)})
    raise NotFound(
        f"Could not find role: {call.path['role']}", remedy="List those of the trust.", code="role-not-found"
    )


_ANSWER = wrap("trust", answers.TRUST)
OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_trusts_for_trustor",
        answer=answers.listed("trusts", answers.TRUST),
    ),
    Operation("POST", ROOT, _create, _CREATE, rule="identity:create_trust", answer=_ANSWER),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="identity:get_trust", answer=_ANSWER),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_trust"),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/roles",
        _list_roles,
        rule="identity:list_roles_for_trust",
        answer=answers.listed("roles", answers.ROLE),
    ),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/roles/{{role}}",
        _show_role,
        rule="identity:get_role_for_trust",
        answer=wrap("role", answers.ROLE),
    ),
)
