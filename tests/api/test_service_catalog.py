"""The service catalog: filled at the first start, changed by operators, and shown in tokens as it is then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from busway.control.identity.service_catalog import ensure_catalog
from busway.store.audit import AuditFilter, list_records
from tests.api.identity import Identity
from tests.api.serving import ApiServer


@pytest.fixture
def admin(api_server: ApiServer) -> Identity:
    return Identity(api_server)


def _service(admin: Identity, **fields: Any) -> str:
    return admin.make("services", "service", **{"type": "monitoring", "name": "watch", **fields})


def _endpoint(admin: Identity, service: str, **fields: Any) -> str:
    given = {"service_id": service, "interface": "public", "url": "https://watch.example/", **fields}
    return admin.make("endpoints", "endpoint", **given)


def _catalog(admin: Identity) -> Mapping[str, list[dict[str, str]]]:
    found = admin.get("auth/catalog").json()["catalog"]
    return {service["type"]: service["endpoints"] for service in found}


def test_a_new_cloud_has_its_own_services_under_the_public_url(admin: Identity) -> None:
    shown = _catalog(admin)

    assert set(shown) == {"identity", "compute", "image", "network", "placement"}
    assert {each["url"] for each in shown["image"]} == {f"{admin.server.url}/image"}
    assert [each["id"] for each in admin.get("regions").json()["regions"]] == ["RegionOne"]
    [listed] = admin.get("endpoints", interface="admin", service_id=_id_of(admin, "image")).json()["endpoints"]
    assert listed["url"] == "$(public_endpoint)s/image"


def test_what_an_operator_enters_and_changes_is_in_the_next_token(admin: Identity) -> None:
    admin.post("regions", "region", id="North").raise_for_status()
    service = _service(admin, description="Figures", color="blue")
    endpoint = _endpoint(admin, service, region_id="North")

    first = _catalog(admin)["monitoring"]
    admin.patch(f"endpoints/{endpoint}", "endpoint", url="https://other.example/%(tenant_id)s").raise_for_status()
    second = _catalog(admin)["monitoring"]
    admin.patch(f"endpoints/{endpoint}", "endpoint", enabled=False).raise_for_status()
    third = _catalog(admin)["monitoring"]
    admin.patch(f"services/{service}", "service", enabled=False).raise_for_status()

    assert [(each["url"], each["region"], each["region_id"]) for each in first] == [
        ("https://watch.example/", "North", "North")
    ]
    assert [each["url"] for each in second] == [f"https://other.example/{_project(admin)}"]
    assert third == []
    assert "monitoring" not in _catalog(admin)
    shown = admin.get(f"services/{service}").json()["service"]
    assert (shown["name"], shown["description"], shown["color"]) == ("watch", "Figures", "blue")


def test_an_url_that_names_a_project_is_left_out_for_a_token_without_one(admin: Identity) -> None:
    _endpoint(admin, _service(admin), url="https://watch.example/$(project_id)s")
    auditor = admin.user("auditor")
    admin.give(f"system/users/{auditor}", "reader")

    system = admin.as_user(auditor, {"system": {"all": True}})

    assert len(_catalog(admin)["monitoring"]) == 1
    assert _catalog(system)["monitoring"] == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"url": "https://x/$(secret)s"}, 400),
        ({"url": "https://x/$(project_id"}, 400),
        ({"url": "javascript:alert(1)"}, 400),
        ({"url": "https://x/ y"}, 400),
        ({"interface": "private"}, 400),
        ({"enabled": "True"}, 400),
        ({"region_id": "Nowhere"}, 400),
        ({"region": "A", "region_id": "RegionOne"}, 400),
        ({"service_id": "none-such"}, 404),
    ],
)
def test_an_endpoint_that_can_not_be_is_refused(admin: Identity, fields: dict[str, Any], status: int) -> None:
    endpoint = {"service_id": _id_of(admin, "image"), "interface": "public", "url": "https://x/", **fields}

    assert admin.post("endpoints", "endpoint", **endpoint).status_code == status


def test_a_region_of_the_old_name_is_made_with_its_endpoint(admin: Identity) -> None:
    service = _service(admin)
    endpoint = _endpoint(admin, service, region="South")

    assert admin.get("regions/South").json()["region"]["description"] == ""
    assert [each["id"] for each in admin.get("endpoints", region_id="South").json()["endpoints"]] == [endpoint]


def test_regions_lie_in_each_other_and_go_without_endpoints_only(admin: Identity) -> None:
    admin.put("regions/North", {"region": {"description": "up"}}).raise_for_status()
    admin.post("regions", "region", id="Oslo", parent_region_id="North").raise_for_status()
    endpoint = _endpoint(admin, _service(admin), region_id="Oslo")

    again = admin.put("regions/North", {"region": {}}).status_code
    circle = admin.patch("regions/North", "region", parent_region_id="Oslo").status_code
    nowhere = admin.patch("regions/North", "region", parent_region_id="none-such").status_code
    in_use = admin.delete("regions/North").status_code
    children = [each["id"] for each in admin.get("regions", parent_region_id="North").json()["regions"]]
    admin.delete(f"endpoints/{endpoint}").raise_for_status()
    gone = admin.delete("regions/North").status_code

    assert (again, circle, nowhere, in_use, gone) == (409, 400, 404, 403, 204)
    assert children == ["Oslo"]
    assert admin.get("regions/Oslo").status_code == 404


def test_a_service_goes_with_its_endpoints(admin: Identity) -> None:
    service = _service(admin)
    endpoint = _endpoint(admin, service)

    admin.delete(f"services/{service}").raise_for_status()

    assert admin.get(f"endpoints/{endpoint}").status_code == 404
    assert admin.delete(f"services/{service}").status_code == 404


def test_lists_have_pages_and_refuse_what_they_do_not_know(admin: Identity) -> None:
    page = admin.get("endpoints", limit=4).json()
    rest = admin.http.get(page["links"]["next"]).json()

    seen = [each["id"] for each in (*page["endpoints"], *rest["endpoints"])]
    assert len(page["endpoints"]) == len(rest["endpoints"]) == 4
    assert seen == sorted(set(seen))
    assert admin.get("services", colour="blue").status_code == 400
    assert admin.get("regions", marker="none-such").status_code == 400


def test_what_is_entered_is_in_the_audit(admin: Identity) -> None:
    service = _service(admin)
    endpoint = _endpoint(admin, service)

    with admin.server.control.db.read() as tx:
        done = {each.target for each in list_records(tx, AuditFilter(limit=10))}
    assert {f"services/{service}", f"endpoints/{endpoint}"} <= done


def test_the_next_start_fills_a_catalog_that_is_empty_and_leaves_any_other(admin: Identity) -> None:
    control = admin.server.control
    for each in admin.get("services").json()["services"][1:]:
        admin.delete(f"services/{each['id']}").raise_for_status()
    ensure_catalog(control)
    kept = len(admin.get("services").json()["services"])

    for each in admin.get("services").json()["services"]:
        admin.delete(f"services/{each['id']}").raise_for_status()
    admin.delete("regions/RegionOne").raise_for_status()
    ensure_catalog(control)

    assert kept == 1
    assert len(admin.get("services").json()["services"]) == 5


def _id_of(admin: Identity, kind: str) -> str:
    [service] = admin.get("services", type=kind).json()["services"]
    return str(service["id"])


def _project(admin: Identity) -> str:
    [project] = admin.get("auth/projects").json()["projects"]
    return str(project["id"])
