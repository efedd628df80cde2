"""Each field that the schema of a body takes changes what its request does, or is refused: none is taken and dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busway.api import openapi
from busway.api.operation import Operation
from busway.ovn.northbound import Northbound
from tests.api.change_effects import CHANGES, REFUSED
from tests.api.field_requests import BASES, Base, FieldWorld
from tests.api.field_walk import (
    ANY,
    UNKNOWN,
    Field,
    Outcome,
    differences,
    fields_of,
    get,
    is_fixed,
    is_whole,
    put,
    steps,
    values,
    with_parent,
    without,
)
from tests.api.serving import start_api_server
from tests.api.test_field_effects import MADE
from tests.api.test_field_effects import REFUSED as REFUSED_AT_BIRTH

WITH_FIELDS = [each for service in openapi.SERVICES.values() for each in service if fields_of(each)]
# What clients send back as they have read it, and that nothing may be made of, as in Glance.
READ_ONLY = {"self", "schema", "created_at", "updated_at"}

_OF_SCHEMA = re.compile(r"Invalid input for field/attribute .*\. Value: ")
# What is kept as a hash alone, and a passcode, which opens once: the tests that log in with them.
_TOTP = ("id", "name", "domain.id", "domain.name", "passcode")
ELSEWHERE = {
    ("POST /identity/v3/users/{id}/password", "user.password"): "test_password_rules",
    **{("POST /identity/v3/auth/tokens", f"auth.identity.totp.user.{name}"): "test_multi_factor" for name in _TOTP},
}
# Operations whose requests are signed: their tests have each field.
SIGNED = {"/identity/v3/ec2tokens": "test_signed_requests", "/identity/v3/s3tokens": "test_signed_requests"}
OPERATIONS = [each for each in WITH_FIELDS if each.path not in SIGNED]


@pytest.fixture(scope="module")
def world(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FieldWorld]:
    server = start_api_server(tmp_path_factory.mktemp("fields"), api_template, northbound=Northbound(()))
    try:
        yield FieldWorld(server)
    finally:
        server.stop()


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def bases_of(operation: Operation) -> list[Base]:
    """The requests for an operation; those for actions have their names behind the path."""
    found = [each for name, each in BASES.items() if name.split()[:2] == name_of(operation).split()]
    return [base for each in found for base in (each if isinstance(each, list) else [each])]


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_no_field_is_taken_and_dropped(operation: Operation, world: FieldWorld) -> None:
    for base in bases_of(operation):
        version = min(operation.until, base.until or operation.until)
        done, told = world.try_out(operation.method, operation.path, base, base.body, version)
        succeeds = any(status.startswith("2") for status in done["status"])
        assert succeeds != bool(base.refused) and base.refused in str(told), (base.body, told)

    dropped = [field.name for field in fields_of(operation) if not _means_something(operation, field, world)]

    assert dropped == []


def _means_something(operation: Operation, field: Field, world: FieldWorld) -> bool:
    """True when two requests that differ in this field alone differ in what they do, or one is refused for what it holds."""
    if is_whole(field.schema) or (operation.shown_body is not None and not field.schema):
        return True  # its own fields tell; an action is asked for by its name
    if is_fixed(field.schema) or (name_of(operation), field.name) in ELSEWHERE:
        return True
    if operation.path.startswith("/image/v2/metadefs") and field.path[-1] in READ_ONLY:
        return True
    asked = [base for base in bases_of(operation) if operation.shown_body is None or field.path[0] in base.body]
    newest = [base for base in asked if base.until is None or base.until >= field.version]
    holding = [base for base in newest or asked if get(base.body, steps(base.body, field.path)[:-1]) is not None]
    return any(base.refused or _differs(operation, field, base, world) for base in holding or newest or asked)


def _differs(operation: Operation, field: Field, base: Base, world: FieldWorld) -> bool:
    schemas = {steps(base.body, each.path): each.schema for each in fields_of(operation)}
    path = steps(base.body, field.path)
    first = with_parent(base.body, path, schemas)
    bodies = [without(first, path), first, *(put(first, path, value) for value in values(field.schema))]
    version = min(field.version, base.until or field.version)

    def done(body: Any) -> Outcome | None:
        """What a request does; None for one that the schema does not let through."""
        found, told = world.try_out(operation.method, operation.path, base, body, version)
        return None if _OF_SCHEMA.search(str(told)) else found

    seen: list[tuple[Outcome, set[str]]] = []
    for body in bodies:
        one = done(body)
        if one is None:
            continue
        if any(differences(one, other) - noise for other, noise in seen):
            return True
        again = done(body)
        noise = set() if again is None else differences(one, again)  # what is made up anew each time, such as passwords
        if any(differences(one, other) - noise for other, _ in seen):
            return True
        seen.append((one, noise))
    return False


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_what_is_said_to_be_refused_is(world: FieldWorld) -> None:
    taken = [
        (name_of(operation), field.name)
        for operation in OPERATIONS
        for field in fields_of(operation)
        if _is_refused(operation, field) and not _refuses(operation, field, world)
    ]

    assert taken == []


def _is_refused(operation: Operation, field: Field) -> bool:
    if operation.method == "POST" and operation.path in MADE.values():
        return field.name in REFUSED_AT_BIRTH
    names = [name for name, why in CHANGES.get(name_of(operation), {}).items() if why == REFUSED]
    return any(field.name == name or field.name.endswith(f".{name}") for name in names)


def _refuses(operation: Operation, field: Field, world: FieldWorld) -> bool:
    """True when some value that its schema lets through, or that there is none of, is refused."""
    if is_fixed(field.schema):
        return True
    for base in bases_of(operation):
        if operation.shown_body is not None and field.path[0] not in base.body:
            continue
        schemas = {steps(base.body, each.path): each.schema for each in fields_of(operation)}
        path = steps(base.body, field.path)
        first = with_parent(base.body, path, schemas)
        version = min(field.version, base.until or field.version)
        for value in values(field.schema):
            body = put(first, path, value)
            done, _ = world.try_out(operation.method, operation.path, base, body, version)
            if not any(status.startswith("2") for status in done["status"]):
                return True
    return False


def test_fields_of_signed_requests_have_their_tests() -> None:
    missing = [
        (each.path, field.name)
        for each in WITH_FIELDS
        if each.path in SIGNED
        for field in fields_of(each)
        if field.path[-1] not in (ANY, UNKNOWN)
        and field.path[-1] not in (Path(__file__).parent / f"{SIGNED[each.path]}.py").read_text(encoding="utf-8")
    ]

    assert missing == []


def test_every_operation_with_a_body_is_asked_for() -> None:
    known = {tuple(name.split()[:2]) for name in BASES}

    assert {name_of(each) for each in OPERATIONS if (each.method, each.path) not in known} == set()
