"""What Keystone has and Busway has not is told as an extension that is not loaded."""

from __future__ import annotations

import pytest

from tests.api.identity import Identity
from tests.api.serving import ApiServer


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "OS-OAUTH1/consumers", "OS-OAUTH1"),
        ("GET", "policies", "policies"),
        ("GET", "OS-EP-FILTER/endpoint_groups", "OS-EP-FILTER"),
        ("PUT", "domains/default/config", "domain configuration"),
        ("GET", "domains/config/default", "domain configuration"),
    ],
)
def test_what_there_is_not_is_refused_with_its_reason(api_server: ApiServer, method: str, path: str, name: str) -> None:
    answer = Identity(api_server).http.request(method, f"/identity/v3/{path}", json={"wanted": {"name": "n"}})

    assert answer.status_code == 404
    assert f"{name} is not loaded" in answer.text and "What to do" in answer.text
