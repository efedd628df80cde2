"""Which projects may use a private flavor."""

from __future__ import annotations

from collections.abc import Sequence

from busway.api.answer import wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import FLAVOR_ACCESS
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control import flavors
from busway.domain.errors import BadInput

_PROJECT = closed({"tenant": {"type": "string", "minLength": 1, "maxLength": 64}}, "tenant")
_ACTION = Schema(
    {
        **closed({"addTenantAccess": _PROJECT, "removeTenantAccess": _PROJECT}),
        "minProperties": 1,
        "maxProperties": 1,
    }
)
_RULES = {
    "addTenantAccess": "os_compute_api:os-flavor-access:add_tenant_access",
    "removeTenantAccess": "os_compute_api:os-flavor-access:remove_tenant_access",
}


def _reply(flavor_id: str, projects: Sequence[str]) -> Reply:
    return Reply({"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]})


def _list(call: Call) -> Reply:
    return _reply(call.path["id"], flavors.list_access(call.control, call.caller, call.path["id"]))


def _act(call: Call) -> Reply:
    if len(call.body) != 1:
        raise BadInput("Give exactly one action", code="invalid-body")
    ((action, given),) = call.body.items()
    left = flavors.change_access(
        call.control, call.caller, call.path["id"], given["tenant"], grant=action == "addTenantAccess"
    )
    return _reply(call.path["id"], left)


OPERATIONS = (
    Operation(
        "GET",
        "/compute/v2.1/flavors/{id}/os-flavor-access",
        _list,
        rule="os_compute_api:os-flavor-access",
        answer=wrap_list("flavor_access", FLAVOR_ACCESS),
    ),
    Operation(
        "POST",
        "/compute/v2.1/flavors/{id}/action",
        _act,
        _ACTION,
        rule=_RULES,
        answer=wrap_list("flavor_access", FLAVOR_ACCESS),
    ),
)
