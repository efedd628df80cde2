"""Parameters of the compute API's queries: unknown ones are refused from the microversion on from which Nova refuses them."""

import pytest

from tests.api.serving import ApiServer

API = "/compute/v2.1"
ORDER = "changes-since=2030-01-01T00:00:00Z&changes-before=2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "since"),
    [
        ("servers", 75),
        ("servers/detail", 75),
        ("flavors", 75),
        ("flavors/detail", 75),
        ("os-keypairs", 75),
        ("os-server-groups", 75),
        ("os-services", 75),
        ("limits", 75),
        ("os-quota-sets/{project}", 75),
        ("os-simple-tenant-usage", 75),
        ("os-hypervisors", 53),
        ("os-hypervisors/detail", 53),
        ("os-migrations", 59),
    ],
)
def test_an_unknown_parameter_is_refused_from_a_microversion_on(api_server: ApiServer, path: str, since: int) -> None:
    before, then = api_server.client(version=f"2.{since - 1}"), api_server.client(version=f"2.{since}")
    [project] = before.get("/identity/v3/projects", params={"name": "admin"}).json()["projects"]
    path = path.format(project=project["id"])

    assert before.get(f"{API}/{path}", params={"nmae": "x"}).status_code == 200
    refused = then.get(f"{API}/{path}", params={"nmae": "x"})
    assert refused.status_code == 400
    assert refused.headers["x-busway-error-code"] == "unknown-query"


@pytest.mark.parametrize(
    ("path", "name", "since"),
    [("servers", "changes-before", 66), ("os-migrations", "changes-before", 66), ("os-migrations", "user_id", 80)],
)
def test_a_parameter_exists_from_its_microversion_on(api_server: ApiServer, path: str, name: str, since: int) -> None:
    value = "2036-01-01T00:00:00Z" if name.startswith("changes") else "x"
    strict = max(since, 75) if path == "servers" else since

    assert api_server.client(version=f"2.{strict}").get(f"{API}/{path}", params={name: value}).status_code == 200
    if path != "servers":
        early = api_server.client(version=f"2.{since - 1}").get(f"{API}/{path}", params={name: value})
        assert early.status_code == 400


@pytest.mark.parametrize("path", ["servers", "os-migrations", "servers/{id}/os-instance-actions"])
def test_changes_since_comes_before_changes_before(api_server: ApiServer, path: str) -> None:
    new, old = api_server.client(version="2.66"), api_server.client(version="2.58")
    body = {"name": "s", "flavorRef": "1", "imageRef": api_server.image(), "networks": "none"}
    server = new.post(f"{API}/servers", json={"server": body}).json()["server"]["id"]
    url = f"{API}/{path.format(id=server)}?{ORDER}"

    refused = new.get(url)

    assert refused.status_code == 400
    assert refused.headers["x-busway-error-code"] == "changes-order"
    if path == "servers":
        assert old.get(url).status_code == 200
