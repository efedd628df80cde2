"""The OpenAPI document tells all operations, and the file of the documentation is the one that is served."""

from __future__ import annotations

import json

import pytest
from schemathesis.openapi import from_dict

from busway.api import openapi
from busway.api.microversion import MAXIMUM, MINIMUM
from tests.api.serving import ApiServer


def test_the_document_is_served_to_everybody(api_server: ApiServer) -> None:
    served = api_server.client(token="none").get(openapi.PATH)

    assert served.status_code == 200
    assert served.content == openapi.text()


def test_every_operation_is_in_the_document() -> None:
    paths = json.loads(openapi.text())["paths"]
    told = {(method, path) for path, methods in paths.items() for method in methods}

    served = {
        (each.method.lower(), each.path.replace(":path}", "}"))
        for operations in openapi.SERVICES.values()
        for each in operations
    }

    assert told == served


@pytest.mark.parametrize("version", [None, MINIMUM, 53, MAXIMUM])
def test_a_document_is_one_that_openapi_readers_understand(version: int | None) -> None:
    document = openapi.document(version)

    schema = from_dict(document)

    ids = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(ids) == len(set(ids)) == sum(1 for _ in schema.get_all_operations())


def test_what_makes_a_thing_is_linked_with_what_is_done_with_it() -> None:
    paths = openapi.document(MAXIMUM)["paths"]

    links = paths["/compute/v2.1/servers"]["post"]["responses"]["2XX"]["links"]

    assert links["get_compute_v2_1_servers_id"]["parameters"] == {"id": "$response.body#/server/id"}
