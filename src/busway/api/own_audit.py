"""The audit under /busway/v1: who did what, as rows of Busway's or as events of CADF."""

from __future__ import annotations

from busway.api.answer import NUMBER, TEXT, array, choice, nullable, optional, shape, wrap_list
from busway.api.call import Call, Reply
from busway.api.encoding import micro_time
from busway.api.operation import Operation
from busway.api.schema import COUNT, WORD, Definition, as_moment
from busway.control import audit
from busway.domain.errors import BadInput
from busway.store.audit import AuditFilter, Record

_ROOT = "/busway/v1/audit"
_MAX = 1000
# Source: DMTF DSP0262 (CADF), as Keystone's notifications use it.
_ACTIONS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_OUTCOMES = {"success": "success", "denied": "failure", "failed": "failure"}

_QUERY: Definition = {
    **dict.fromkeys(("user", "project", "operation", "request", "target", "since", "until"), WORD),
    "result": {"type": "string", "enum": list(_OUTCOMES)},
    "format": {"type": "string", "enum": ["busway", "cadf"]},
    "limit": COUNT,
    "before": COUNT,
}


def _list(call: Call) -> Reply:
    limit = call.number("limit")
    wanted = AuditFilter(
        user_id=call.text("user"),
        project_id=call.text("project"),
        operation=call.text("operation"),
        result=call.text("result"),
        request_id=call.text("request"),
        target=call.text("target"),
        since=as_moment(call.text("since"), "since"),
        until=as_moment(call.text("until"), "until"),
        before=call.number("before"),
        limit=min(_MAX, 100 if limit is None else limit),
    )
    kind = call.text("format") or "busway"
    if kind not in ("busway", "cadf"):
        raise BadInput(f"The audit has no format {kind}", remedy="Use busway or cadf.", code="audit-format")
    shown = _row if kind == "busway" else _cadf
    return Reply({"records": [shown(record) for record in audit.list_records(call.control, call.caller, wanted)]})


def _row(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "at": micro_time(record.at),
        "request_id": record.request_id,
        "operation": record.operation,
        "method": record.method,
        "target": record.target,
        "user_id": record.user_id,
        "user_name": record.user_name,
        "project_id": record.project_id,
        "credential_id": record.credential_id,
        "address": record.address,
        "result": record.result,
        "reason": record.reason,
    }


def _cadf(record: Record) -> dict[str, object]:
    login = record.operation == "identity:authenticate"
    path, asked, query = record.target.partition("?")
    kind, _, name = path.partition("/")
    event: dict[str, object] = {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": f"{record.request_id}:{record.id}",
        "eventTime": micro_time(record.at),
        "action": "authenticate" if login else _ACTIONS.get(record.method, "unknown"),
        "outcome": _OUTCOMES[record.result],
        "initiator": {
            "typeURI": "service/security/account/user",
            "id": record.user_id or "unknown",
            "name": record.user_name,
            "project_id": record.project_id or None,
            "credential": {"application_credential": record.credential_id} if record.credential_id else None,
            "host": {"address": record.address},
        },
        "target": {"typeURI": f"service/{kind or 'security'}", "id": f"{name or kind or 'unknown'}{asked}{query}"},
        "observer": {"typeURI": "service/busway", "id": "busway", "name": "busway"},
        "tags": [f"operation:{record.operation}", f"request:{record.request_id}"],
    }
    if record.reason:
        event["reason"] = {"reasonType": "busway", "reasonCode": record.reason}
    return event


_ROW = shape(
    {
        "id": NUMBER,
        **dict.fromkeys(
            ("at", "request_id", "operation", "method", "target", "user_id", "user_name", "project_id"), TEXT
        ),
        "credential_id": nullable(TEXT),
        **dict.fromkeys(("address", "result", "reason"), TEXT),
    },
    "Record",
)
_RESOURCE: Definition = {"typeURI": TEXT, "id": TEXT}
_EVENT = shape(
    {
        **dict.fromkeys(("typeURI", "eventType", "id", "eventTime", "action", "outcome"), TEXT),
        "initiator": shape(
            {
                **_RESOURCE,
                "name": TEXT,
                "project_id": nullable(TEXT),
                "credential": nullable(shape({"application_credential": TEXT})),
                "host": shape({"address": TEXT}),
            }
        ),
        "target": shape(_RESOURCE),
        "observer": shape({**_RESOURCE, "name": TEXT}),
        "tags": array(TEXT),
        "reason": optional(shape({"reasonType": TEXT, "reasonCode": TEXT})),
    },
    "CadfEvent",
)

OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        query=_QUERY,
        rule="busway:audit:list",
        answer=wrap_list("records", choice(_ROW, _EVENT)),
    ),
)
