"""Fit: the placer's decision, drawn; what a tenant is not told is not drawn either."""

from dataclasses import replace
from typing import Any

from tests.api.serving import ApiServer
from tests.api.test_metrics import place
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
    assert "one is made for it" in logged_in(api_server).get("/fit?devices=a1:2")


def test_devices_in_words_with_a_topology_land_below_one_switch_or_say_why_not(api_server: ApiServer) -> None:
    api_server.host(count=4)
    console = logged_in(api_server)

    page = console.get("/fit?devices=2+x+A1,+one+NUMA+node")
    refused = console.get("/fit?devices=4+x+a1,+one+switch")

    assert page.count(' landing"') == 2
    assert "within one switch wanted; the most that are free within one: 1 of alias a1" in refused
    assert "let the devices lie apart: take a flavor without busway:pci_within=switch" in refused


def test_a_model_that_one_alias_means_may_be_named_instead_of_the_alias(api_server: ApiServer) -> None:
    host = api_server.host(count=2)
    named: dict[str, Any] = {"vendor_name": "NVIDIA Corporation", "product_name": "GA100 [A100 PCIe 80GB]"}
    host.inventory = tuple(replace(device, **named) for device in host.inventory)
    host.report()
    console = logged_in(api_server)

    assert console.get("/fit?devices=2+x+A100+80gb").count(' landing"') == 2
    with api_server.client() as admin:
        other = {"name": "other", "vendor_id": "1234", "product_id": "1111"}
        admin.post("/busway/v1/aliases", json={"definitions": [other]}).raise_for_status()
    assert "Several aliases mean devices that are called A100: a1, other" in console.get("/fit?devices=A100", 400)


def test_one_click_creates_the_server_and_a_flavor_where_there_is_none(api_server: ApiServer) -> None:
    api_server.host(count=4)
    console = logged_in(api_server)
    asked = {"devices": "2 x a1, one socket", "count": "1", "vcpus": "1", "ram": "64", "disk": "1"}

    made = console.send("/fit", "/fit", **asked, name="pair", image=api_server.image())
    again = console.send("/fit", "/fit", **asked, name="second", image=api_server.image())

    assert "/ui/servers/" in str(made.url) and ">pair</h1>" in made.text
    assert ">second</h1>" in again.text
    with api_server.client(version="2.61") as admin:
        flavors = {
            each["name"]: each["extra_specs"] for each in admin.get("/compute/v2.1/flavors/detail").json()["flavors"]
        }
    assert flavors["gpu.a1.2.socket"] == {"pci_passthrough:alias": "a1:2", "busway:pci_within": "socket"}
    assert len([name for name in flavors if name.startswith("gpu.")]) == 1


def test_what_is_refused_when_it_is_created_leaves_no_flavor(api_server: ApiServer) -> None:
    api_server.host(count=4)
    console = logged_in(api_server)

    refused = console.send("/fit", "/fit", devices="3 x a1", count="1", name="", image=api_server.image())

    assert refused.status_code == 400 and 'class="refusal"' in refused.text
    assert "gpu.a1.3" not in console.get("/flavors")


def test_a_server_that_was_refused_shows_each_host_with_its_reason(api_server: ApiServer) -> None:
    api_server.host("one", count=1)
    api_server.host("two", count=2)
    flavor = _flavor(api_server, "a1:3")
    console = logged_in(api_server)
    made = console.send("/servers/new", "/servers/new", name="large", image=api_server.image(), flavor=flavor)
    place(api_server)

    page = console.get("/" + str(made.url.path).removeprefix("/ui/"))

    assert page.count("<strong>PciPassthroughFilter</strong>") == 2
    assert "<strong>What to do:</strong> Delete" in page or "<strong>What to do:</strong> Add a host" in page
    assert page.index(">two</a>") < page.index(">one</a>")  # the nearest miss comes first
    api_server.user("ann")
    assert "3 of alias a1" not in logged_in(api_server, "ann", "pw").http.get(made.url).text


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

    assert "no alias nonsense" in console.get("/fit?devices=nonsense", 400)
    assert "4 x h100, one switch" in console.get("/fit?devices=4", 400)
    assert "<script>" not in console.get("/fit?devices=%3Cscript%3Ealert(1)%3C/script%3E", 400).partition("<main")[2]
    assert "whole number" in console.get("/fit?flavor=1&count=many", 400)
    assert "could not be found" in console.get("/fit?flavor=nowhere", 404)


def test_a_browser_at_the_root_is_sent_to_the_console_and_a_program_is_not(api_server: ApiServer) -> None:
    console = logged_in(api_server)

    assert console.http.get("/", headers={"accept": "text/html"}).url.path == "/ui/map"
    assert console.http.get("/", headers={"accept": "*/*"}).json()["busway"]["compute"] == "/compute"
