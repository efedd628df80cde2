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


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/compute/v2.1/servers/s/shares"),
        ("GET", "/compute/v2.1/servers/s/os-virtual-interfaces"),
        ("GET", "/identity/v3/OS-FEDERATION/identity_providers"),
        ("PUT", "/identity/v3/OS-FEDERATION/mappings/m"),
        ("GET", "/identity/v3/auth/receipts"),
        ("GET", "/identity/v3/domains/default/config/identity/driver"),
        ("GET", "/network/v2.0/qos/policies"),
        ("POST", "/network/v2.0/default-security-group-rules"),
        ("GET", "/network/v2.0/floatingips/f/port_forwardings"),
        ("GET", "/network/v2.0/ports/p/bindings"),
        ("GET", "/network/v2.0/bgp-peers"),
        ("GET", "/network/v2.0/vpn/vpnservices"),
        ("POST", "/network/v2.0/subnetpools"),
        ("PUT", "/network/v2.0/address-groups/a"),
        ("DELETE", "/network/v2.0/trunks/t"),
        ("POST", "/network/v2.0/rbac-policies"),
    ],
)
def test_what_openstack_has_and_busway_has_not_is_told_with_something_to_do(
    api_server: ApiServer, method: str, path: str
) -> None:
    answer = api_server.client().request(method, path, json={"wanted": {}} if method in ("POST", "PUT") else None)

    assert answer.status_code == 404
    assert "What to do: " in answer.text
    assert "openapi.json" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/compute/v2.1/os-simple-tenant-usage/"),
        ("GET", "/compute/v2/servers/"),
        ("GET", "/compute/v2.1/0123456789abcdef0123456789abcdef/flavors/"),
        ("POST", "/compute/v2.1/servers/"),
        ("GET", "/image/v2/images/"),
        ("DELETE", "/image/v2/images/"),
        ("GET", "/placement/resource_providers/"),
        ("GET", "/busway/v1/hosts/"),
        ("DELETE", "/network/v2.0/networks/"),
        ("DELETE", "/identity/v3/users/"),
    ],
)
def test_an_id_that_is_empty_is_the_id_of_nothing(api_server: ApiServer, method: str, path: str) -> None:
    answer = api_server.client().request(method, path, json={} if method == "POST" else None)

    assert answer.status_code == 404
    assert "The path ends in a slash" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/compute/", "/compute/v2/", "/compute/v2.1/", "/image/", "/placement/", "/identity/", "/identity/v3/"),
        *("/network/", "/network/v2.0/", "/network/v2.0/networks/", "/identity/v3/users/"),
    ],
)
def test_what_openstack_answers_with_a_slash_is_answered(api_server: ApiServer, path: str) -> None:
    assert api_server.client().get(path).status_code in (200, 300)


@pytest.mark.parametrize("path", ["/v3/auth/tokens", "/keystone/v3/auth/tokens"])
def test_who_forgets_identity_in_the_auth_url_is_told_in_the_form_that_clients_show(
    api_server: ApiServer, path: str
) -> None:
    answer = api_server.client().post(path, json={})

    assert answer.status_code == 404
    assert "SCHEME://HOST:PORT/identity" in answer.json()["error"]["message"]


def test_the_address_of_the_cloud_leads_to_identity(api_server: ApiServer) -> None:
    found = api_server.client().get("/", headers={"accept": "application/json"}).json()

    [version] = found["versions"]["values"]
    assert version["links"][0]["href"].endswith("/identity/v3/")
    assert found["busway"]["compute"] == "/compute"
