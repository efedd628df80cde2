import httpx
import pytest

from tests.api.serving import ApiServer

NEW, OLD = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, "2.1"),
        ({NEW: "compute 2.47"}, "2.47"),
        ({OLD: "2.47"}, "2.47"),
        ({NEW: "compute 2.53", OLD: "2.47"}, "2.53"),
        ({NEW: "placement 1.29, compute 2.60"}, "2.60"),
        ({NEW: "placement 1.29"}, "2.1"),
        ({NEW: "compute latest"}, "2.104"),
    ],
)
def test_the_answer_says_in_both_headers_which_version_was_asked_for(
    api_server: ApiServer, headers: dict[str, str], version: str
) -> None:
    answer = httpx.get(f"{api_server.url}/compute/v2.1/flavors", headers={"X-Auth-Token": api_server.admin, **headers})

    assert answer.status_code == 200
    assert (answer.headers[NEW], answer.headers[OLD]) == (f"compute {version}", version)
    assert NEW in answer.headers["Vary"]


@pytest.mark.parametrize("version", ["2.0", "2.105", "3.1"])
def test_a_version_outside_the_range_is_not_acceptable(api_server: ApiServer, version: str) -> None:
    answer = httpx.get(f"{api_server.url}/compute/v2.1/flavors", headers={NEW: f"compute {version}"})

    assert answer.status_code == 406
    assert "Minimum is 2.1 and maximum is 2.104" in answer.json()["computeFault"]["message"]


@pytest.mark.parametrize("version", ["2", "two", "2.01", "2.1.1", "-2.1"])
def test_a_malformed_version_is_a_bad_request(api_server: ApiServer, version: str) -> None:
    answer = httpx.get(f"{api_server.url}/compute/v2.1/flavors", headers={NEW: f"compute {version}"})

    assert answer.status_code == 400
    assert "MajorNum.MinorNum" in answer.json()["badRequest"]["message"]


def test_what_a_version_does_not_have_is_not_found(api_server: ApiServer) -> None:
    path = "/compute/v2.1/os-hypervisors/statistics"

    assert api_server.client(version="2.87").get(path).status_code == 200
    assert api_server.client(version="2.88").get(path).status_code == 404


def test_the_version_documents_need_no_token(api_server: ApiServer) -> None:
    listed = httpx.get(f"{api_server.url}/compute/").json()["versions"]
    shown = httpx.get(f"{api_server.url}/compute/v2.1/").json()["version"]

    assert [version["id"] for version in listed] == ["v2.0", "v2.1"]
    assert (shown["version"], shown["min_version"]) == ("2.104", "2.1")
    assert httpx.get(f"{api_server.url}/identity").status_code == 300
    assert httpx.get(f"{api_server.url}/image").status_code == 300
