"""Access rules of a user, apart from the application credentials that they came with."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity.answers import ACCESS_RULE, listed
from busway.api.identity.listing import links, only
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition
from busway.control.identity import access_rules
from busway.store.access_rules import AccessRuleFilter

_ROOT = "/identity/v3/users/{user}/access_rules"
_QUERY: Definition = {**PAGE, "service": WORD, "method": WORD, "path": WORD}


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    wanted = AccessRuleFilter(
        call.text("service"), call.text("method"), call.text("path"), call.number("limit"), call.text("marker")
    )
    found = access_rules.list_rules(call.control, call.caller, call.path["user"], wanted)
    rows = [each.as_dict() for each in found]
    path = f"/identity/v3/users/{call.path['user']}/access_rules"
    return Reply({"access_rules": rows, "links": links(call, path, [each.id for each in found])})


def _show(call: Call) -> Reply:
    found = access_rules.get_rule(call.control, call.caller, call.path["user"], call.path["id"])
    return Reply({"access_rule": found.as_dict()})


def _delete(call: Call) -> Reply:
    access_rules.delete_rule(call.control, call.caller, call.path["user"], call.path["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_access_rules",
        answer=listed("access_rules", ACCESS_RULE),
    ),
    Operation(
        "GET", f"{_ROOT}/{{id}}", _show, rule="identity:get_access_rule", answer=wrap("access_rule", ACCESS_RULE)
    ),
    Operation("DELETE", f"{_ROOT}/{{id}}", _delete, rule="identity:delete_access_rule"),
)
