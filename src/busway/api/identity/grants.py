"""Roles of users and groups on projects, on domains, inherited by projects, and on the whole system."""

from __future__ import annotations

from collections.abc import Iterator

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.listing import only
from busway.api.identity.roles import ROLES
from busway.api.operation import Operation
from busway.control.identity import grants
from busway.domain.assignment import Actor, Assignment, Place

_ROOT = "/identity/v3"


def _operations() -> Iterator[Operation]:
    for actor in Actor:
        for place in (Place.PROJECT, Place.DOMAIN):
            where = f"{_ROOT}/{place}s/{{{place}}}/{actor}s/{{{actor}}}/roles"
            yield from _of(actor, place, where, f"{where}/{{role}}")
            inherits = where.replace(_ROOT, f"{_ROOT}/OS-INHERIT")
            end = "inherited_to_projects"
            every = f"{inherits}/{end}" if place is Place.DOMAIN else None
            yield from _of(actor, place, every, f"{inherits}/{{role}}/{end}", inherited=True)
        on_system = f"{_ROOT}/system/{actor}s/{{{actor}}}/roles"
        yield from _of(actor, Place.SYSTEM, on_system, f"{on_system}/{{role}}")


def _of(actor: Actor, place: Place, every: str | None, one: str, *, inherited: bool = False) -> Iterator[Operation]:
    """The operations on one kind of assignment: `every` is the path of the list, `one` that of one role."""

    def asked(call: Call) -> Assignment:
        path = call.path
        return Assignment(actor, path[actor], place, path.get(place, ""), path.get("role", ""), inherited=inherited)

    def show_list(call: Call) -> Reply:
        only(call, {})
        found = grants.list_given(call.control, call.caller, asked(call), call.rule)
        return ROLES.many(call, every_path(call), found)

    def every_path(call: Call) -> str:
        assert every is not None
        return every.format(**call.path)

    def check(call: Call) -> Reply:
        grants.check(call.control, call.caller, asked(call), call.rule)
        return NO_CONTENT

    def give(call: Call) -> Reply:
        grants.give(call.control, call.caller, asked(call), call.rule)
        return NO_CONTENT

    def take(call: Call) -> Reply:
        grants.take(call.control, call.caller, asked(call), call.rule)
        return NO_CONTENT

    kind = f"system_grant_for_{actor}" if place is Place.SYSTEM else "grant"
    if every is not None:
        plural = kind.replace("grant", "grants", 1)
        yield Operation(
            "GET", every, show_list, rule=f"identity:list_{plural}", answer=answers.listed("roles", answers.ROLE)
        )
    yield Operation("PUT", one, give, rule=f"identity:create_{kind}")
    yield Operation("GET", one, check, rule=f"identity:check_{kind}")
    yield Operation("DELETE", one, take, rule=f"identity:revoke_{kind}")


OPERATIONS = tuple(_operations())
