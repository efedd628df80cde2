import httpx
import pytest
from structlog.testing import capture_logs

from busway.api.bounds import BODY_BYTES
from busway.store.flavors import flavors
from tests.api.serving import ApiServer


def test_every_answer_has_a_request_id(api_server: ApiServer) -> None:
    answer = httpx.get(f"{api_server.url}/compute/v2.1/nothing")

    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]


def test_an_unknown_path_and_a_wrong_method_have_novas_fault_names(api_server: ApiServer) -> None:
    client = api_server.client()

    assert client.get("/compute/v2.1/nothing").json()["itemNotFound"]["code"] == 404
    assert client.delete("/compute/v2.1/flavors").json()["badMethod"]["code"] == 405


def test_a_wrong_method_is_told_all_that_the_path_takes(api_server: ApiServer) -> None:
    client = api_server.client()

    for method in ("OPTIONS", "PUT"):
        answer = client.request(method, "/compute/v2.1/servers")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
        assert "takes GET, HEAD, POST" in answer.json()["badMethod"]["message"]
    assert client.delete("/image/v2/images").headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/compute/v2.1/os-floating-ips-bulk", "openstack subnet create"),
        ("/compute/v2.1/os-volumes/detail", "no volumes"),
        ("/compute/v2.1/os-volumes_boot", "Use /servers"),
        ("/compute/v2.1/nothing", "/openapi.json"),
        ("/image/v1/images", "/image/v2"),
        ("/volume/v3/volumes", "no volumes"),
    ],
)
def test_an_unknown_path_is_told_what_there_is_instead(api_server: ApiServer, path: str, word: str) -> None:
    answer = api_server.client().get(path)

    assert answer.status_code == 404
    assert word in answer.text


def test_whoever_has_no_token_is_told_where_to_get_one(api_server: ApiServer) -> None:
    answer = httpx.get(f"{api_server.url}/compute/v2.1/servers")

    assert answer.headers["www-authenticate"] == f'Keystone uri="{api_server.url}/identity"'


def test_an_unknown_failure_tells_the_request_id_and_nothing_else(api_server: ApiServer) -> None:
    client = api_server.client()
    with api_server.control.db.write() as tx:
        tx.execute(flavors.update().values(extra_specs=["not", "a", "mapping"]))

    with capture_logs() as logged:
        answer = client.get("/compute/v2.1/flavors/1", headers={"OpenStack-API-Version": "compute 2.61"})

    fault = answer.json()["computeFault"]
    assert answer.status_code == 500
    assert answer.headers["x-openstack-request-id"] in fault["message"]
    assert "Traceback" in logged[0]["traceback"] and api_server.admin not in str(logged)
    assert "mapping" not in answer.text and "Traceback" not in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api_server: ApiServer) -> None:
    answer = api_server.client().post("/compute/v2.1/flavors", content=b" " * (BODY_BYTES + 1))

    assert answer.status_code == 413


def test_a_chunked_body_that_is_too_large_is_refused(api_server: ApiServer) -> None:
    chunks = (b" " * 65536 for _ in range(BODY_BYTES // 65536 + 2))

    answer = api_server.client().post("/compute/v2.1/flavors", content=chunks)

    assert answer.status_code == 413


def test_a_body_that_is_no_json_is_a_bad_request(api_server: ApiServer) -> None:
    for content in (b"{", b"\xff\xfe", b""):
        answer = api_server.client().post("/compute/v2.1/flavors", content=content)

        assert answer.status_code == 400
        assert "not JSON" in answer.json()["badRequest"]["message"]


def test_a_project_id_in_the_path_is_tolerated(api_server: ApiServer) -> None:
    client = api_server.client()
    project = client.get("/identity/v3/auth/projects").json()["projects"][0]["id"]

    assert client.get(f"/compute/v2.1/{project}/flavors").json() == client.get("/compute/v2.1/flavors").json()
    assert client.get(f"/compute/v2/{project}/flavors/1").json()["flavor"]["id"] == "1"
