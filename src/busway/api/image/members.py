"""Members of images: the projects that an image is shared with."""

from __future__ import annotations

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.image.answers import MEMBER, MEMBERS
from busway.api.image.images import ROOT
from busway.api.microversion import MINIMUM
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.images import members
from busway.domain.errors import BadInput
from busway.domain.image_member import ImageMember

_ROOT = f"{ROOT}/{{id}}/members"
_ONE = f"{_ROOT}/{{member}}"
_PROJECT = {"type": "string", "minLength": 1, "maxLength": 64}
_ADDED = Schema(closed({"member": _PROJECT}, "member"))
# openstacksdk names the project of the path in the body too.
_ANSWERED = Schema(closed({"status": {"type": "string", "maxLength": 16}, "member": _PROJECT}, "status"))


def member_body(member: ImageMember) -> dict[str, object]:
    """A member as the image API shows it."""
    return {
        "member_id": member.project_id,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": nova_time(member.created),
        "updated_at": nova_time(member.updated),
        "schema": "/v2/schemas/member",
    }


def _list(call: Call) -> Reply:
    found = members.list_members(call.control, call.caller, call.path["id"])
    return Reply({"members": [member_body(each) for each in found], "schema": "/v2/schemas/members"})


def _add(call: Call) -> Reply:
    return Reply(member_body(members.add_member(call.control, call.caller, call.path["id"], call.body["member"])))


def _show(call: Call) -> Reply:
    return Reply(member_body(members.get_member(call.control, call.caller, call.path["id"], call.path["member"])))


def _answer(call: Call) -> Reply:
    if call.body.get("member", call.path["member"]) != call.path["member"]:
        raise BadInput(
            f"The body names project {call.body['member']}, and the path project {call.path['member']}",
            remedy="Leave it out of the body.",
            code="image-member",
        )
    answered = members.answer_image(
        call.control, call.caller, call.path["id"], call.path["member"], call.body["status"]
    )
    return Reply(member_body(answered))


def _remove(call: Call) -> Reply:
    members.remove_member(call.control, call.caller, call.path["id"], call.path["member"])
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", _ROOT, _list, strict=MINIMUM, rule="get_members", answer=MEMBERS),
    Operation("POST", _ROOT, _add, _ADDED, rule="add_member", answer=MEMBER),
    Operation("GET", _ONE, _show, rule="get_member", answer=MEMBER),
    Operation("PUT", _ONE, _answer, _ANSWERED, rule="modify_member", answer=MEMBER),
    Operation("DELETE", _ONE, _remove, rule="delete_member"),
)
