"""The network that is made for a project that has none, as Neutron's extension auto-allocated-topology has it."""

from __future__ import annotations

from busway.api.answer import TEXT, optional, shape, wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.network.absent import with_routers
from busway.api.operation import Operation
from busway.control.networks import topology as use_cases

ROOT = "/network/v2.0/auto-allocated-topology/{project}"
_DRY_RUN = "dry-run"


@with_routers
def _get(call: Call) -> Reply:
    """Makes it if it is not there; with `fields=dry-run` only says whether it could be made."""
    fields = set(call.query.getlist("fields"))
    if _DRY_RUN in fields:
        project = use_cases.check_topology(call.control, call.caller, call.path["project"])
        return Reply({"auto_allocated_topology": {"id": "dry-run=pass", "tenant_id": project}})
    made = use_cases.get_topology(call.control, call.caller, call.path["project"])
    whole = {"id": made.id, "tenant_id": made.owner, "project_id": made.owner}
    shown = {name: value for name, value in whole.items() if not fields or name in fields}
    return Reply({"auto_allocated_topology": shown})


@with_routers
def _delete(call: Call) -> Reply:
    use_cases.delete_topology(call.control, call.caller, call.path["project"])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _get,
        rule="get_auto_allocated_topology",
        makes=True,
        answer=wrap(
            "auto_allocated_topology",
            shape({"id": optional(TEXT), "tenant_id": optional(TEXT), "project_id": optional(TEXT)}, "topology"),
        ),
    ),
    Operation("DELETE", ROOT, _delete, rule="delete_auto_allocated_topology"),
)
