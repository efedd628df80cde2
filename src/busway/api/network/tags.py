"""Tags of networks, subnets, ports, security groups, routers, floating IP addresses and trunks, as Neutron's extension standard-attr-tag has them."""

from __future__ import annotations

from busway.api.answer import TEXT, array, shape
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.operation import Operation
from busway.api.schema import Definition, Schema, closed
from busway.control.networks import tags as use_cases
from busway.control.networks.tags import MAX_LENGTH, MAX_TAGS, Tagged
from busway.domain.errors import BadInput

ROOT = "/network/v2.0"
_TAG: Definition = {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": r"^[^,/\x00-\x1f\x7f]+$"}
_BODY = Schema(closed({"tags": {"type": "array", "maxItems": MAX_TAGS, "items": _TAG}}, "tags"))
_ANSWER = shape({"tags": array(TEXT)}, "network-tags")
_RULES = {
    Tagged.NETWORK: "network",
    Tagged.SUBNET: "subnet",
    Tagged.PORT: "port",
    Tagged.GROUP: "security_group",
    Tagged.ROUTER: "router",
    Tagged.FLOATING_IP: "floatingip",
    Tagged.TRUNK: "trunk",
}


def _tag(call: Call) -> str:
    tag = call.path["tag"]
    if len(tag) > MAX_LENGTH or "," in tag or not tag.isprintable():
        raise BadInput(
            f"'{tag[:MAX_LENGTH]}' is no tag",
            remedy=f"Use 1 to {MAX_LENGTH} characters, without commas and slashes.",
            code="network-tags",
        )
    return tag


def _operations(kind: Tagged) -> tuple[Operation, ...]:
    thing, path = _RULES[kind], f"{ROOT}/{kind}/{{id}}/tags"
    change = (
        "update_port:tags" if kind is Tagged.PORT else f"update_{thing}"
    )  # services change ports, but not their tags

    def show(call: Call) -> Reply:
        return Reply({"tags": list(use_cases.list_tags(call.control, call.caller, kind, call.path["id"]))})

    def replace(call: Call) -> Reply:
        wanted = call.body["tags"]
        return Reply({"tags": list(use_cases.replace_tags(call.control, call.caller, kind, call.path["id"], wanted))})

    def clear(call: Call) -> Reply:
        use_cases.replace_tags(call.control, call.caller, kind, call.path["id"], ())
        return NO_CONTENT

    def check(call: Call) -> Reply:
        use_cases.require_tag(call.control, call.caller, kind, call.path["id"], _tag(call))
        return NO_CONTENT

    def add(call: Call) -> Reply:
        use_cases.add_tags(call.control, call.caller, kind, call.path["id"], [_tag(call)])
        return Reply(None, 201)

    def remove(call: Call) -> Reply:
        use_cases.remove_tag(call.control, call.caller, kind, call.path["id"], _tag(call))
        return NO_CONTENT

    return (
        Operation("GET", path, show, rule=f"get_{thing}", answer=_ANSWER),
        Operation("PUT", path, replace, body=_BODY, rule=change, answer=_ANSWER),
        Operation("DELETE", path, clear, rule=change),
        Operation("GET", f"{path}/{{tag}}", check, rule=f"get_{thing}"),
        Operation("PUT", f"{path}/{{tag}}", add, rule=change),
        Operation("DELETE", f"{path}/{{tag}}", remove, rule=change),
    )


OPERATIONS = tuple(operation for kind in Tagged for operation in _operations(kind))
