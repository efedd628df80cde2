"""Each page for each kind of caller, and what no page may hold."""

import html
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from busway.control.observation.conditions import put_conditions
from busway.domain.condition import Conditions, DeviceCondition, HostFinding
from busway.web.navigation import PLACES
from busway.web.page import Page
from busway.web.pages import PAGES
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_metrics import boot, place
from tests.api.test_soft_delete import running
from tests.web.console import Console, Elements, logged_in

_PUBLIC = {"/login"}
_PLAIN = [page for page in PAGES if page.method == "GET" and "{" not in page.path and page.path != "/start"]
_FORMS = [page for page in PAGES if page.method == "POST" and page.path not in _PUBLIC]
EVIL = """<img src=x onerror=alert(1)>"'</textarea></title><script>alert(1)</script>"""


def _name(page: Page) -> str:
    return f"{page.method} {page.path}"


def test_a_stranger_sees_the_form_of_log_in_and_nothing_else(api_server: ApiServer) -> None:
    stranger = Console(api_server)

    for page in _PLAIN:
        assert stranger.http.get(f"/ui{page.path}").url.path == "/ui/login", page.path
    for page in _FORMS:
        assert stranger.http.post(f"/ui{page.path.replace('{id}', 'x').replace('{name}', 'x')}").status_code == 403
    assert stranger.http.get("/ui/live").status_code == 401
    assert stranger.http.put("/ui/images/x/file", content=b"x").status_code == 403


def test_an_admin_sees_every_page_and_every_page_keeps_the_policy_for_content(api_server: ApiServer) -> None:
    api_server.host()
    api_server.image()
    console = logged_in(api_server)

    for page in _PLAIN:
        answer = console.http.get(f"/ui{page.path}")
        assert answer.status_code == 200, page.path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        elements = Elements(answer.text)
        assert elements.inline == [], page.path
        assert [tag for tag, attributes in elements.found if "style" in attributes] == [], page.path
        handlers = [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
        assert handlers == [], page.path
        sources = [a.get("src") or a.get("href") for tag, a in elements.found if tag in ("script", "link", "img")]
        assert [each for each in sources if not str(each).startswith("/ui/")] == [], page.path


def test_a_member_sees_the_project_s_own_pages_and_no_operator_s(api_server: ApiServer) -> None:
    api_server.user("ann")
    console = logged_in(api_server, "ann", "pw")

    start = console.get("/servers")

    for each in PLACES:
        is_operators = each.operator or each.name == "map"
        assert (f'href="/ui{each.path}"' in start) is not is_operators, each.name
        console.get(each.path, 403 if is_operators else 200)


def test_a_reader_is_offered_no_change_and_gets_none(api_server: ApiServer) -> None:
    api_server.user("rob", "reader")
    console = logged_in(api_server, "rob", "pw")

    assert "/ui/servers/new" not in console.get("/servers")
    console.get("/servers/new", 403)
    answer = console.send("/servers/new", name="x", flavor="1", image="x")
    assert answer.status_code == 403
    assert "os_compute_api:servers:create" in answer.text


@pytest.mark.parametrize("page", _FORMS, ids=_name)
def test_a_form_asks_the_rule_of_its_operation(api_server: ApiServer, page: Page) -> None:
    """A member's forms of an operator are refused by name, whatever is in them."""
    if page.rule and page.rule.startswith("busway:") and page.path not in ("/quotas",):
        api_server.user("ann")
        console = logged_in(api_server, "ann", "pw")
        answer = console.send(page.path.replace("{id}", "x").replace("{name}", "x"), name="x", deed="delete")
        assert answer.status_code == 403
        assert "Policy doesn&#39;t allow" in answer.text


def test_a_path_that_is_no_page_is_told_so(api_server: ApiServer) -> None:
    assert "There is no such page" in logged_in(api_server).get("/nowhere", 404)


def test_no_name_that_somebody_gives_becomes_part_of_a_page(api_server: ApiServer) -> None:
    """Every name that can be given through the API or a page, on every page that shows it."""
    host = api_server.host()
    image = api_server.image(EVIL)
    api_server.user(EVIL[:60])
    with api_server.client(version="2.90") as admin:
        admin.patch("/busway/v1/hosts/host1", json={"enabled": False, "reason": EVIL}).raise_for_status()
        flavor = {"name": EVIL, "ram": 64, "vcpus": 1, "disk": 1, "description": EVIL}
        made = admin.post("/compute/v2.1/flavors", json={"flavor": flavor}).json()["flavor"]["id"]
        admin.post(f"/compute/v2.1/flavors/{made}/os-extra_specs", json={"extra_specs": {"x:y": EVIL}})
        key = {"name": EVIL, "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk0 " + EVIL}
        admin.post("/compute/v2.1/os-keypairs", json={"keypair": key})
        admin.post("/network/v2.0/networks", json={"network": {"name": EVIL}})
        body = {"name": EVIL, "flavorRef": made, "imageRef": image, "networks": "none", "description": EVIL}
        server = admin.post("/compute/v2.1/servers", json={"server": body}).json()["server"]["id"]
        device = admin.get("/busway/v1/devices").json()["devices"][0]["id"]
    console = logged_in(api_server)
    paths = [page.path for page in _PLAIN]
    paths += [f"/servers/{server}", f"/servers/{server}/log", f"/devices/{device}", f"/hosts/{host.name}"]
    paths += [f"/images/{image}/upload", f"/fit?flavor={made}", "/servers?q=%3Cscript%3Ealert(1)%3C/script%3E"]
    paths += ["/map?q=%22%3E%3Cscript%3Ealert(1)", "/audit?q=%22%3E%3Cscript%3E", "/login?next=%22%3E%3Cscript%3E"]
    seen = 0
    for path in paths:
        page = console.get(path)
        assert "<script>alert" not in page and "<img src=x" not in page and '"><script' not in page, path
        seen += "&lt;img src=x onerror" in page
    for path in ("/servers/new", "/keypairs", "/hosts", "/device-specs", "/aliases", "/images", "/flavors"):
        fields = dict.fromkeys(("name", "public_key", "definition", "image", "flavor", "user_data"), EVIL)
        told = console.send(path, path, **fields).text
        assert "<script>alert" not in told and "<img src=x" not in told, path
    assert seen >= 5  # the names do stand on pages, as text


def test_a_session_on_the_system_and_one_in_no_project_get_pages_or_refusals_and_never_a_failure(
    api_server: ApiServer,
) -> None:
    api_server.host()
    with api_server.client() as admin:
        me = admin.get("/identity/v3/users", params={"name": "admin"}).json()["users"][0]["id"]
        role = admin.get("/identity/v3/roles", params={"name": "admin"}).json()["roles"][0]["id"]
        admin.put(f"/identity/v3/system/users/{me}/roles/{role}").raise_for_status()
        admin.post("/identity/v3/users", json={"user": {"name": "lone", "password": "pw"}}).raise_for_status()
    on_system, lone = logged_in(api_server), logged_in(api_server, "lone", "pw")
    assert on_system.send("/scope", project="system").url.path == "/ui/map"

    for page in _PLAIN:
        assert on_system.http.get(f"/ui{page.path}").status_code in (200, 403), page.path
        assert lone.http.get(f"/ui{page.path}").status_code in (200, 403), page.path
    assert "the whole system" in on_system.get("/session")


def test_the_map_the_host_and_the_device_tell_what_the_doctor_found(api_server: ApiServer) -> None:
    host = api_server.host("host1")
    address = "0000:41:00.0"
    narrow = HostFinding("link-narrow", "warns", "Lanes <b>are missing", "Run `reseat <it>` now.", address)
    of_host = HostFinding("fabric-manager", "blocks", "No manager runs", "Install it.")
    told = Conditions("host1", (DeviceCondition(address, 2.5, 8, 16.0, 16, 85),), (narrow, of_host), examined=True)
    put_conditions(api_server.control, host.id, told)
    console = logged_in(api_server)
    [device] = api_server.client().get("/busway/v1/devices").json()["devices"]

    drawn = console.get("/map")
    assert "link Gen4 ×8/16; 85 % busy; Lanes &lt;b&gt;are missing" in drawn
    assert 'data-alarm="warns"' in drawn and "1 finding of the doctor" in drawn
    for path in ("/hosts/host1", f"/devices/{device['id']}"):
        page = console.get(path)
        assert "Lanes &lt;b&gt;are missing" in page and "<code>reseat &lt;it&gt;</code>" in page, path
    assert "No manager runs" in console.get("/hosts/host1")
    assert "2.5 GT/s ×8 now, 16 GT/s ×16 at most" in page and "lanes are missing" in page


def test_senseless_queries_and_forms_are_refused_and_never_a_failure(api_server: ApiServer) -> None:
    console = logged_in(api_server)
    senseless = (
        "%00",
        "-1",
        "9" * 40,
        "%F0%9F%92%A9",
        "../../etc/passwd",
        "'; DROP TABLE servers; --",
        "%zz",
        "a" * 5000,
    )
    names = (
        "q",
        "project",
        "server",
        "device",
        "host",
        "flavor",
        "devices",
        "count",
        "model",
        "all",
        "done",
        "next",
        "ids",
    )
    for page in _PLAIN:
        for value in senseless:
            query = "&".join(f"{name}={value}" for name in names)
            assert console.http.get(f"/ui{page.path}?{query}").status_code < 500, (page.path, value)
    for page in _FORMS:
        if page.path not in ("/logout", "/password"):
            fields = dict.fromkeys(
                ("name", "id", "deed", "definition", "resource", "limit", "count", "devices"), "\ud7ff☃" * 30
            )
            path = page.path.replace("{id}", "x").replace("{name}", "x")
            assert console.send(path, **fields).status_code < 500, page.path
    token = console.get("/session").partition('name="csrf" value="')[2][:64]
    for body in (b"csrf=" + token.encode() + b"&a=\xff\xfe", b"&".join([b"a=1"] * 1000), b"{not a form}"):
        assert 400 <= console.http.post("/ui/hosts", content=body).status_code < 500


def test_usage_is_that_of_the_ledger_and_of_one_s_own_project_for_a_member(api_server: ApiServer) -> None:
    host = api_server.host("host1", 3)
    boot(api_server)
    place(api_server)
    host.obey()
    api_server.clock.ahead += timedelta(hours=6)
    console = logged_in(api_server)

    page = console.get("/usage?days=1&by=server")

    told = json.loads(html.unescape(re.findall(r'data-plot="([^"]*)"', page)[0]))
    hours = sum(told["series"][0]["values"])  # of one device, in stretches of an hour
    assert len(told["times"]) == 24 and 5.9 < hours < 6.2
    assert float(
        re.findall(r'<td>s</td><td class="number">1</td><td class="number">([\d.]+)', page)[0]
    ) == pytest.approx(hours, abs=0.02)
    for by in ("project", "user", "model", "host"):
        assert "Nothing was used" not in console.get(f"/usage?by={by}"), by
    api_server.user("ann")
    anns = logged_in(api_server, "ann", "pw").get("/usage?by=server&all=1")
    assert "Nothing was used" in anns and "<td>s</td>" not in anns


def test_a_deleted_server_that_is_kept_is_restored_or_deleted_for_good_by_a_button(
    api_template: Path, tmp_path: Path
) -> None:
    server = start_api_server(tmp_path, api_template, reclaim_instance_interval=3600)
    try:
        host, made = running(server)
        console, path = logged_in(server), f"/servers/{made}"
        buttons = {name: f'name="deed" value="{name}"' for name in ("restore", "purge", "delete")}
        before = console.get(path)
        console.send(path, path, deed="delete")
        host.obey()
        kept = console.get(path)
        console.send(path, path, deed="restore")
        host.obey()
        after = console.get(path)
        console.send(path, path, deed="delete")
        host.obey()
        console.send(path, path, deed="purge")
        host.obey()
        console.get(path, 404)
    finally:
        server.stop()

    for page, shown in ((before, {"delete"}), (kept, {"restore", "purge"}), (after, {"delete"})):
        assert {name for name, button in buttons.items() if button in page} >= shown
        assert ("restore" in shown) == (buttons["restore"] in page) == (buttons["purge"] in page)
    assert "SOFT_DELETED" in kept and "ACTIVE" in after
