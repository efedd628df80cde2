"""Which role implies which: who has the one has the other."""

from __future__ import annotations

from collections.abc import Sequence

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.listing import links, only
from busway.api.identity.roles import ROOT
from busway.api.operation import Operation
from busway.control.identity import roles
from busway.domain.identity import Role

_ALL, _ONE = f"{ROOT}/{{id}}/implies", f"{ROOT}/{{id}}/implies/{{implied}}"
_INFERENCES = "/identity/v3/role_inferences"


def _role(call: Call, role: Role) -> dict[str, object]:
    named: dict[str, object] = {"id": role.id, "name": role.name, "links": {"self": call.url(f"{ROOT}/{role.id}")}}
    return {**named, "domain_id": role.domain_id} if role.domain_id else named


def _inference(call: Call, prior: Role, implied: Sequence[Role]) -> dict[str, object]:
    return {"prior_role": _role(call, prior), "implies": [_role(call, each) for each in implied]}


def _pair(call: Call, prior: Role, implied: Role, status: int = 200) -> Reply:
    body = {"prior_role": _role(call, prior), "implies": _role(call, implied)}
    return Reply({"role_inference": body, "links": links(call, f"{ROOT}/{prior.id}/implies/{implied.id}")}, status)


def _list(call: Call) -> Reply:
    only(call, {})
    prior, implied = roles.list_implied(call.control, call.caller, call.path["id"])
    body = {"role_inference": _inference(call, prior, implied)}
    return Reply({**body, "links": links(call, f"{ROOT}/{prior.id}/implies")})


def _list_all(call: Call) -> Reply:
    only(call, {})
    found = roles.list_inferences(call.control, call.caller)
    rows = [_inference(call, prior, implied) for prior, implied in found]
    return Reply({"role_inferences": rows, "links": links(call, _INFERENCES)})


def _show(call: Call) -> Reply:
    return _pair(call, *roles.get_implication(call.control, call.caller, call.path["id"], call.path["implied"]))


def _check(call: Call) -> Reply:
    """The answer to HEAD: without a body, and of another status than that of GET, as Keystone's."""
    path = call.path
    roles.get_implication(call.control, call.caller, path["id"], path["implied"], "identity:check_implied_role")
    return NO_CONTENT


def _create(call: Call) -> Reply:
    made = roles.imply(call.control, call.caller, call.path["id"], call.path["implied"])
    return _pair(call, *made, status=201)


def _delete(call: Call) -> Reply:
    roles.unimply(call.control, call.caller, call.path["id"], call.path["implied"])
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", _INFERENCES, _list_all, rule="identity:list_role_inference_rules", answer=answers.INFERENCES),
    Operation("GET", _ALL, _list, rule="identity:list_implied_roles", answer=answers.IMPLIED),
    Operation("HEAD", _ONE, _check, rule="identity:check_implied_role"),  # before GET, which answers HEAD otherwise
    Operation("GET", _ONE, _show, rule="identity:get_implied_role", answer=answers.INFERENCE),
    Operation("PUT", _ONE, _create, rule="identity:create_implied_role", answer=answers.INFERENCE),
    Operation("DELETE", _ONE, _delete, rule="identity:delete_implied_role"),
)
