import httpx
import pytest

from tests.api.serving import ApiServer

FLAVORS = "/compute/v2.1/flavors"


def test_sloppy_values_are_taken_and_answered_right(api_server: ApiServer) -> None:
    body = {
        "flavor": {
            "name": "big",
            "id": 77,
            "ram": "1024",
            "vcpus": "2",
            "disk": "10",
            "os-flavor-access:is_public": "True",
        }
    }

    flavor = api_server.client().post(FLAVORS, json=body).json()["flavor"]

    assert (flavor["id"], flavor["ram"], flavor["vcpus"], flavor["disk"]) == ("77", 1024, 2, 10)
    assert flavor["os-flavor-access:is_public"] is True
    assert flavor["swap"] == ""


@pytest.mark.parametrize(("given", "kept"), [(2, 2.0), ("0.5", 0.5), (None, 1.0)])
def test_a_factor_is_kept(api_server: ApiServer, given: object, kept: float) -> None:
    client = api_server.client()
    flavor = {"name": "f", "id": "f", "ram": 1, "vcpus": 1, "disk": 0, **({"rxtx_factor": given} if given else {})}

    made = client.post(FLAVORS, json={"flavor": flavor}).json()["flavor"]

    assert made["rxtx_factor"] == client.get(f"{FLAVORS}/f").json()["flavor"]["rxtx_factor"] == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rxtx_factor", 0),
        ("rxtx_factor", "0.0"),
        ("rxtx_factor", "x"),
        ("ram", 0),
        ("ram", "x"),
        ("vcpus", -1),
        ("disk", None),
        ("name", " a"),
        ("colour", "red"),
    ],
)
def test_a_bad_field_is_named(api_server: ApiServer, field: str, value: object) -> None:
    body = {"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 0, field: value}}

    answer = api_server.client().post(FLAVORS, json=body)

    assert answer.status_code == 400
    assert field in answer.json()["badRequest"]["message"]


def test_fields_come_and_go_with_microversions(api_server: ApiServer) -> None:
    def keys(version: str) -> set[str]:
        return set(api_server.client(version=version).get(f"{FLAVORS}/1").json()["flavor"])

    assert "description" not in keys("2.54") and "description" in keys("2.55")
    assert "extra_specs" not in keys("2.60") and "extra_specs" in keys("2.61")
    assert keys("2.101") - keys("2.102") == {"rxtx_factor", "OS-FLV-DISABLED:disabled"}


def test_what_has_no_effect_is_refused_from_its_microversion_on(api_server: ApiServer) -> None:
    flavor = {"name": "f", "id": "f", "ram": 1, "vcpus": 1, "disk": 0, "rxtx_factor": 1.0}
    before, after = api_server.client(version="2.101"), api_server.client(version="2.102")

    refused = after.post(FLAVORS, json={"flavor": flavor})
    assert (refused.status_code, "rxtx_factor" in refused.text) == (400, True)
    assert before.post(FLAVORS, json={"flavor": flavor}).json()["flavor"]["rxtx_factor"] == 1.0
    for query in ({"sort_key": "rxtx_factor"}, {"rxtx_factor": "1.0"}):
        assert after.get(FLAVORS, params=query).status_code == 400, query
    assert before.get(FLAVORS, params={"sort_key": "rxtx_factor"}).status_code == 200
    listed = after.get(f"{FLAVORS}/detail").json()["flavors"]
    assert not any({"rxtx_factor", "OS-FLV-DISABLED:disabled"} & each.keys() for each in listed)


@pytest.mark.parametrize("path", [FLAVORS, f"{FLAVORS}/detail"])
def test_flavors_are_found_by_a_pattern_of_their_name(api_server: ApiServer, path: str) -> None:
    def found(name: str, version: str = "2.102", **more: str) -> list[str]:
        answer = api_server.client(version=version).get(path, params={"name": name, **more}).raise_for_status()
        return [each["name"] for each in answer.json()["flavors"]]

    assert found("small") == ["m1.small"]
    assert found("^m1[.](tiny|large)$") == ["m1.tiny", "m1.large"]
    assert found("m1", limit="1") == ["m1.tiny"]
    assert found("") == found(".") == ["m1.tiny", "m1.small", "m1.medium", "m1.large"]
    assert found("huge") == []
    assert len(found("small", "2.74")) == 4  # ignored, as in Nova
    assert api_server.client(version="2.101").get(path, params={"name": "small"}).status_code == 400
    broken = api_server.client(version="2.102").get(path, params={"name": "(a"})
    assert (broken.status_code, broken.headers["x-busway-error-code"]) == (400, "pattern")


def test_an_extra_spec_with_a_colon_is_set_read_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client()
    specs = f"{FLAVORS}/1/os-extra_specs"

    client.post(specs, json={"extra_specs": {"pci_passthrough:alias": "a1:1", "x": "1"}}).raise_for_status()

    assert client.get(f"{specs}/pci_passthrough:alias").json() == {"pci_passthrough:alias": "a1:1"}
    assert client.put(f"{specs}/x", json={"x": "2"}).json() == {"x": "2"}
    assert client.delete(f"{specs}/pci_passthrough:alias").status_code == 200
    assert client.get(specs).json() == {"extra_specs": {"x": "2"}}
    assert client.delete(f"{specs}/pci_passthrough:alias").status_code == 404


@pytest.mark.parametrize("version", ["2.1", "2.61", "2.86", "2.104"])
@pytest.mark.parametrize("alias", ["a1:0", "a1:-1", "a1", "a1:x", "a1:1,", ":1", ""])
def test_a_malformed_alias_is_refused_at_every_version(api_server: ApiServer, version: str, alias: str) -> None:
    body = {"extra_specs": {"pci_passthrough:alias": alias}}

    answer = api_server.client(version=version).post(f"{FLAVORS}/1/os-extra_specs", json=body)

    assert answer.status_code == 400
    assert "What to do: Set it like pci_passthrough:alias=a1:1" in answer.json()["badRequest"]["message"]


def test_an_alias_that_is_not_defined_may_be_set(api_server: ApiServer) -> None:
    body = {"extra_specs": {"pci_passthrough:alias": "later:1"}}

    assert api_server.client().post(f"{FLAVORS}/1/os-extra_specs", json=body).status_code == 200


def test_a_private_flavor_is_seen_by_those_with_access(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    admin = api_server.client()
    project = ann.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    body = {
        "flavor": {"name": "own", "id": "own", "ram": 1, "vcpus": 1, "disk": 0, "os-flavor-access:is_public": False}
    }
    admin.post(FLAVORS, json=body).raise_for_status()

    before = ann.get(f"{FLAVORS}/own").status_code
    admin.post(f"{FLAVORS}/own/action", json={"addTenantAccess": {"tenant": project}}).raise_for_status()

    assert (before, ann.get(f"{FLAVORS}/own").status_code) == (404, 200)
    assert admin.get(f"{FLAVORS}/own/os-flavor-access").json() == {
        "flavor_access": [{"flavor_id": "own", "tenant_id": project}]
    }


def test_flavors_are_read_by_everyone_and_changed_by_admins(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))

    assert [each["name"] for each in ann.get(FLAVORS).json()["flavors"]] == [
        "m1.tiny",
        "m1.small",
        "m1.medium",
        "m1.large",
    ]
    assert ann.delete(f"{FLAVORS}/1").status_code == 403
    assert ann.post(f"{FLAVORS}/1/os-extra_specs", json={"extra_specs": {"a": "b"}}).status_code == 403


def test_a_list_has_pages(api_server: ApiServer) -> None:
    first = api_server.client().get(FLAVORS, params={"limit": 3}).json()
    rest = api_server.client().get(first["flavors_links"][0]["href"].removeprefix(api_server.url)).json()

    assert [each["id"] for each in first["flavors"] + rest["flavors"]] == ["1", "2", "3", "4"]
    assert "flavors_links" not in rest


def test_a_taken_name_is_a_conflict_and_an_unknown_id_is_not_found(api_server: ApiServer) -> None:
    client = api_server.client()
    body = {"flavor": {"name": "m1.tiny", "ram": 1, "vcpus": 1, "disk": 0}}

    assert client.post(FLAVORS, json=body).status_code == 409
    assert client.get(f"{FLAVORS}/m1.tiny").status_code == 404
    assert client.delete(f"{FLAVORS}/nope").status_code == 404


def test_limits_are_checked_with_those_that_the_flavor_has_already(api_server: ApiServer) -> None:
    client, specs = api_server.client(), f"{FLAVORS}/1/os-extra_specs"

    def set_to(**limits: str) -> httpx.Response:
        return client.post(specs, json={"extra_specs": {f"quota:{key}": value for key, value in limits.items()}})

    early = set_to(disk_read_bytes_sec_max="2000")
    assert (early.status_code, "it needs quota:disk_read_bytes_sec" in early.text) == (400, True)
    assert set_to(disk_read_bytes_sec="1000").status_code == 200
    assert set_to(disk_read_bytes_sec_max="2000").status_code == 200
    both = set_to(disk_total_bytes_sec="3000")
    assert (both.status_code, "use one of the two" in both.text) == (400, True)
    assert "it may be 1 to 10000" in set_to(cpu_shares="10001").text
    assert client.get(specs).json()["extra_specs"] == {
        "quota:disk_read_bytes_sec": "1000",
        "quota:disk_read_bytes_sec_max": "2000",
    }
