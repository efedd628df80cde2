"""Shapes of answers: what holds at one microversion, at all of them, and of types; and the check of answers itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import pytest

from busway.api import openapi
from busway.api.answer import NOTHING, NUMBER, TEXT, Part, at, choice, nullable, optional, shape
from busway.api.answer_types import of_type
from busway.api.microversion import MAXIMUM, MINIMUM
from tests.api.answers import breach


class _Kind(StrEnum):
    BIG = "big"


@dataclass(frozen=True)
class _Thing:
    id: int
    kinds: tuple[_Kind, ...]
    amounts: dict[str, float]
    name: str | None = None


def test_a_property_exists_at_its_microversions() -> None:
    made = shape({"id": TEXT, "uuid": Part(TEXT, since=41), "old": Part(NUMBER, until=40), "maybe": optional(TEXT)})

    assert at(made, 40)["required"] == ["id", "old"]
    assert at(made, 41)["required"] == ["id", "uuid"]
    assert set(at(made, 41)["properties"]) == {"id", "uuid", "maybe"}


def test_the_document_of_all_microversions_tells_the_range_of_each_property() -> None:
    made = at(shape({"id": TEXT, "swap": (Part(TEXT, until=74), Part(NUMBER, since=75)), "uuid": Part(TEXT, 41)}), None)

    assert made["required"] == ["id", "swap"]
    assert made["properties"]["uuid"]["x-openstack"] == {"min-ver": "2.41", "max-ver": f"2.{MAXIMUM}"}
    assert [each["x-openstack"]["max-ver"] for each in made["properties"]["swap"]["anyOf"]] == ["2.74", f"2.{MAXIMUM}"]


def test_a_choice_has_what_holds_at_a_microversion() -> None:
    made = choice(Part(NOTHING, until=44), Part(TEXT, since=45))

    assert at(made, 44) == {"anyOf": [{"type": "null"}]}
    assert at(made, 45) == {"anyOf": [{"type": "string"}]}


def test_a_type_has_the_schema_of_what_is_written() -> None:
    made = at(of_type(_Thing), MINIMUM)

    assert made["title"] == "_Thing"
    assert made["required"] == ["id", "kinds", "amounts", "name"]
    assert made["properties"]["kinds"] == {"type": "array", "items": {"enum": ["big"]}}
    assert made["properties"]["amounts"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert made["properties"]["name"] == nullable(TEXT)


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ({"id": "1", "name": "n", "links": []}, True),
        ({"id": 1, "name": "n", "links": []}, False),
        ({"id": "1", "links": []}, False),
        ({"id": "1", "name": "n", "links": [], "more": 1}, False),
    ],
)
def test_the_check_of_answers_tells_of_what_is_missing_wrong_or_too_much(body: object, is_right: bool) -> None:
    content = json.dumps({"servers": [body]}).encode()

    assert (breach("GET", "/compute/v2.1/servers", {}, content) == "") is is_right


def test_an_answer_without_a_body_is_told_where_one_is_due() -> None:
    assert breach("GET", "/compute/v2.1/servers", {}, b"") != ""
    assert breach("DELETE", "/compute/v2.1/servers/1", {}, b"") == ""
    assert breach("DELETE", "/compute/v2.1/servers/1", {}, b"{}") != ""


def test_every_reference_of_the_document_is_there() -> None:
    document = openapi.document()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    used: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            used.update(each for key, each in value.items() if key == "$ref")
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)
    assert used <= known
    assert known - used == set()
