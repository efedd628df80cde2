"""Imports of staged data, and the tasks that describe them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from busway.api.call import ACCEPTED, Call, Reply
from busway.api.encoding import nova_time
from busway.api.image.answers import IMPORT, TASK, TASKS, TASKS_OF_IMAGE
from busway.api.image.data import STORE_HEADER, receive
from busway.api.image.images import ROOT
from busway.api.microversion import MINIMUM
from busway.api.operation import Operation, Run
from busway.api.schema import BOOLEAN, PAGE, Definition, Schema, as_bool, closed
from busway.control.context import Control
from busway.control.images import importing
from busway.control.images.upload import begin_stage
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.image_task import ImageTask, TaskStatus

_TASKS = "/image/v2/tasks"
_MOST = 1000
_LIFE = timedelta(days=2)  # as long as tasks are kept where the operator says nothing else
_WORD = {"type": "string", "maxLength": 255}
_IMPORT = Schema(
    closed(
        {
            "method": closed(
                {
                    "name": _WORD,
                    "uri": {"type": "string", "maxLength": 4096},
                    **dict.fromkeys(("glance_image_id", "glance_region", "glance_service_interface"), _WORD),
                },
                "name",
            ),
            "stores": {"type": "array", "maxItems": 100, "items": _WORD},
            "all_stores": BOOLEAN,
            "all_stores_must_succeed": BOOLEAN,
        },
        "method",
    )
)
_NEW_TASK = Schema(closed({"type": _WORD, "input": {"type": "object"}}, "type", "input"))
QUERY: Definition = {
    **PAGE,
    "type": {"type": "string", "enum": ["api_image_import"]},
    "status": {"type": "string", "enum": list(TaskStatus)},
    "sort_key": {"type": "string", "enum": ["created_at"]},
    "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
}


def _body(task: ImageTask) -> dict[str, Any]:
    image = f"{task.image_id}"
    return {
        "id": task.id,
        "type": "api_image_import",
        "status": task.status,
        "owner": task.owner,
        "input": {"image_id": image, "import_req": dict(task.given)},
        "result": {"image_id": image} if task.status is TaskStatus.SUCCESS else None,
        "message": task.message,
        "image_id": image,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "created_at": nova_time(task.created),
        "updated_at": nova_time(task.ended or task.created),
        "expires_at": nova_time(task.created + _LIFE),
        "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task",
    }


def _import(call: Call) -> Reply:
    stores = _chosen(call)
    token = call.headers.get("x-auth-token", "")
    importing.import_image(call.control, call.caller, call.path["id"], call.body, stores, call.request_id, token)
    return ACCEPTED


def _chosen(call: Call) -> tuple[str, ...]:
    """The stores that an import names: in its body, or one in a header as for an upload."""
    named, every = call.body.get("stores", []), as_bool(call.body.get("all_stores", False), "all_stores")
    if named and every:
        raise BadInput(
            "An import can't go both to all stores and to some",
            remedy="Give either all_stores or stores.",
            code="image-import-store",
        )
    if not named and (one := call.headers.get(STORE_HEADER)):
        named = [one]
    return call.control.settings.image_stores.choose(named, every=every)


def _of_image(call: Call) -> Reply:
    found = importing.tasks_of_image(call.control, call.caller, call.path["id"])
    return Reply({"tasks": [_body(task) for task in found]})


def _list(call: Call) -> Reply:
    limit = call.number("limit")
    for name in ("sort_key", "sort_dir", "type", "status"):
        if (word := call.text(name)) is not None and word not in QUERY[name]["enum"]:
            raise BadInput(
                f"Invalid {name} '{word[:80]}'",
                detail=f"There are {', '.join(QUERY[name]['enum'])}.",
                code="task-query",
            )
    most = _MOST if limit is None else min(limit, _MOST)
    found = importing.list_tasks(
        call.control,
        call.caller,
        status=call.text("status"),
        marker=call.text("marker"),
        limit=most,
        oldest_first=call.text("sort_dir") == "asc",
    )
    body: dict[str, object] = {"tasks": [_body(task) for task in found], "first": "/v2/tasks"}
    if found and len(found) == most:
        kept = {name: word for name in QUERY if (word := call.text(name)) is not None}
        body["next"] = f"/v2/tasks?{urlencode({**kept, 'marker': found[-1].id})}"
    return Reply({**body, "schema": "/v2/schemas/tasks"})


def _show(call: Call) -> Reply:
    return Reply(_body(importing.get_task(call.control, call.caller, call.path["id"])))


def _create(_call: Call) -> Reply:
    """Tasks of users are refused: Glance's import of this kind reads any URL."""
    raise BadInput(
        "Tasks are not created by users",
        detail="The import of a URL by a task would have the control plane read whatever address a user names.",
        remedy="Stage and import the data: openstack image create --import --file FILE NAME",
        code="task-create",
    )


async def _stage(control: Control, caller: Caller, request: Request, run: Run) -> Response:
    if STORE_HEADER in request.headers:
        raise BadInput(
            "Staged data goes to no store yet",
            remedy="Name the store in the import: openstack image import IMAGE --store STORE",
            code="image-import-store",
        )
    return await receive(begin_stage, control, caller, request, run)


def _methods(call: Call) -> Reply:
    methods = {
        "description": "Import methods available.",
        "type": "array",
        "value": list(importing.methods_of(call.control)),
    }
    return Reply({"import-methods": methods})


OPERATIONS = (
    Operation("GET", "/image/v2/info/import", _methods, rule="get_stores", answer=IMPORT),
    Operation("PUT", f"{ROOT}/{{id}}/stage", stream=_stage, rule="upload_image"),
    Operation("POST", f"{ROOT}/{{id}}/import", _import, _IMPORT, rule="modify_image"),
    Operation("GET", f"{ROOT}/{{id}}/tasks", _of_image, strict=MINIMUM, rule="get_image", answer=TASKS_OF_IMAGE),
    Operation("GET", _TASKS, _list, query=QUERY, strict=MINIMUM, rule="tasks_api_access", answer=TASKS),
    Operation("POST", _TASKS, _create, _NEW_TASK, rule="tasks_api_access"),
    Operation("GET", f"{_TASKS}/{{id}}", _show, rule="tasks_api_access", answer=TASK),
)
