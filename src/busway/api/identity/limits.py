"""Limits of projects, and of domains in the model of two levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from busway.api.answer import wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID, ID_OR_NONE, check_id
from busway.api.identity.listing import links, only
from busway.api.identity.registered_limits import DESCRIPTION, NUMBER, REGION, check_fixed
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition, Schema, closed
from busway.control.identity import limits
from busway.control.identity.limits import NewLimit
from busway.domain.errors import BadInput
from busway.domain.limit import MODELS, Limit, quota_of
from busway.store.quotas import LimitFilter

ROOT = "/identity/v3/limits"
_FIELDS = {
    "service_id": ID,
    "region_id": REGION,
    "resource_name": {"type": "string", "minLength": 1, "maxLength": 255},
    "resource_limit": NUMBER,
    "project_id": ID_OR_NONE,
    "domain_id": ID_OR_NONE,
    "description": DESCRIPTION,
}
_ONE = closed(_FIELDS, "service_id", "resource_name", "resource_limit")
_CREATE = Schema(closed({"limits": {"type": "array", "items": _ONE, "minItems": 1, "maxItems": 100}}, "limits"))
_UPDATE = Schema(closed({"limit": closed({"id": ID, **_FIELDS})}, "limit"))
_QUERY: Definition = {
    **PAGE,
    "service_id": WORD,
    "region_id": WORD,
    "resource_name": WORD,
    "project_id": WORD,
    "domain_id": WORD,
}


def _body(call: Call, limit: Limit, services: Mapping[str, str]) -> dict[str, object]:
    return {
        "id": limit.id,
        "service_id": services[limit.counted.service],
        "region_id": call.control.settings.region,
        "resource_name": limit.counted.name,
        "resource_limit": limit.limit,
        "project_id": limit.project_id,
        "domain_id": limit.domain_id,
        "description": limit.description,
        "links": {"self": call.url(f"{ROOT}/{limit.id}")},
    }


def _bodies(call: Call, found: Sequence[Limit]) -> list[dict[str, object]]:
    services = limits.service_ids(call.control)
    return [_body(call, each, services) for each in found]


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    region = call.text("region_id")
    found: list[Limit] = []
    # All limits are of the region that is counted in, so a filter by another one finds none.
    if region in (None, call.control.settings.region):
        wanted = LimitFilter(
            call.text("project_id"),
            call.text("domain_id"),
            resources=_resources(call),
            limit=call.number("limit"),
            marker=call.text("marker"),
        )
        found = limits.list_limits(call.control, call.caller, wanted)
    return Reply({"limits": _bodies(call, found), "links": links(call, ROOT, [each.id for each in found])})


def _resources(call: Call) -> list[str] | None:
    """The quotas that the filters by service and name let through; None for all."""
    service, name = call.text("service_id"), call.text("resource_name")
    if service is None and name is None:
        return None
    known = limits.list_registered(call.control, call.caller)
    kinds = {known_id: kind for kind, known_id in limits.service_ids(call.control).items()}
    if service is None:
        return [quota_of(kind, name or "") for kind in kinds.values()]
    found = [each.counted for each in known if each.counted.service == kinds.get(service)]
    return [each.quota for each in found if name in (None, each.name)]


def _show(call: Call) -> Reply:
    return Reply({"limit": _bodies(call, [limits.get_limit(call.control, call.caller, call.path["id"])])[0]})


def _create(call: Call) -> Reply:
    asked = []
    for each in call.body["limits"]:
        if bool(each.get("domain_id")) == bool(each.get("project_id")):
            raise BadInput(
                "A limit is for either a project or a domain",
                remedy="Give project_id or domain_id: openstack limit create --project PROJECT",
                code="limit-domain",
            )
        asked.append(
            NewLimit(
                each["service_id"],
                each["resource_name"],
                each["resource_limit"],
                each.get("project_id") or "",
                each.get("domain_id") or "",
                each.get("region_id"),
                each.get("description"),
            )
        )
    made = limits.create_limits(call.control, call.caller, asked)
    return Reply({"limits": _bodies(call, made)}, 201)


def _update(call: Call) -> Reply:
    given = dict(call.body["limit"])
    check_id(given, call.path["id"])
    limit, description = given.pop("resource_limit", None), given.pop("description", None)
    if given:
        known = _bodies(call, [limits.get_limit(call.control, call.caller, call.path["id"])])[0]
        check_fixed("limit", known, given)
    changed = limits.update_limit(call.control, call.caller, call.path["id"], limit, description)
    return Reply({"limit": _bodies(call, [changed])[0]})


def _delete(call: Call) -> Reply:
    limits.delete_limit(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _model(call: Call) -> Reply:
    name = call.control.settings.enforcement_model
    return Reply({"model": {"name": name, "description": MODELS[name]}})


_ANSWER = wrap("limit", answers.LIMIT)
OPERATIONS = (
    Operation("GET", f"{ROOT}/model", _model, rule="identity:get_limit_model", answer=answers.LIMIT_MODEL),
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_limits",
        answer=answers.listed("limits", answers.LIMIT),
    ),
    Operation("POST", ROOT, _create, _CREATE, rule="identity:create_limits", answer=wrap_list("limits", answers.LIMIT)),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="identity:get_limit", answer=_ANSWER),
    Operation("PATCH", f"{ROOT}/{{id}}", _update, _UPDATE, rule="identity:update_limit", answer=_ANSWER),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_limit"),
)
