"""Fit: the placer's decision, drawn; what a tenant is not told is not drawn either."""

from tests.api.serving import ApiServer
from tests.web.console import logged_in


def _flavor(server: ApiServer, devices: str) -> str:
    with server.client() as admin:
        flavor = {"name": f"with {devices}".replace(":", "-"), "ram": 64, "vcpus": 1, "disk": 1}
        made = str(admin.post("/compute/v2.1/flavors", json={"flavor": flavor}).json()["flavor"]["id"])
        specs = {"extra_specs": {"pci_passthrough:alias": devices}}
        admin.post(f"/compute/v2.1/flavors/{made}/os-extra_specs", json=specs).raise_for_status()
    return made


def test_the_devices_on_which_servers_would_land_are_marked(api_server: ApiServer) -> None:
    api_server.host(count=4)
    flavor = _flavor(api_server, "a1:2")

    page = logged_in(api_server).get(f"/fit?flavor={flavor}")

    assert page.count(' landing"') == 2
    assert f"/ui/servers/new?flavor={flavor}&amp;count=1" in page


def test_devices_can_be_asked_for_without_a_flavor(api_server: ApiServer) -> None:
    api_server.host(count=4)
    flavor = _flavor(api_server, "a1:3")

    page = logged_in(api_server).get("/fit?devices=a1:3")

    assert page.count(' landing"') == 3
    assert f"/ui/servers/new?flavor={flavor}" in page  # the flavor that is like it
    assert "/ui/flavors?devices=a1%3A2" in logged_in(api_server).get("/fit?devices=a1:2")


def test_each_host_that_was_refused_says_why(api_server: ApiServer) -> None:
    api_server.host("one", count=1)
    api_server.host("two", count=2)

    page = logged_in(api_server).get("/fit?devices=a1:3")

    assert page.count("<strong>PciPassthroughFilter</strong>") == 2
    assert 'landing"' not in page


def test_a_tenant_is_told_that_there_is_a_place_and_not_where(api_server: ApiServer) -> None:
    api_server.host("secret-host", count=2)
    flavor = _flavor(api_server, "a1:1")
    api_server.user("ann")
    ann = logged_in(api_server, "ann", "pw")

    for path in (f"/fit?flavor={flavor}", "/fit?devices=a1:9"):
        page = ann.get(path)
        assert "secret-host" not in page and "0000:41" not in page, path
    assert "There is a place for it" in ann.get(f"/fit?flavor={flavor}")


def test_what_is_no_request_is_refused_in_words(api_server: ApiServer) -> None:
    console = logged_in(api_server)

    assert "is not alias:count" in console.get("/fit?devices=nonsense", 400)
    assert "whole number" in console.get("/fit?flavor=1&count=many", 400)
    assert "could not be found" in console.get("/fit?flavor=nowhere", 404)


def test_a_browser_at_the_root_is_sent_to_the_console_and_a_program_is_not(api_server: ApiServer) -> None:
    console = logged_in(api_server)

    assert console.http.get("/", headers={"accept": "text/html"}).url.path == "/ui/map"
    assert console.http.get("/", headers={"accept": "*/*"}).json()["busway"]["compute"] == "/compute"
