"""What people come for, in a real browser: by mouse, by keyboard, and while they look."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cloud import BrowserCloud
from tests.browser.conftest import log_in
from tests.processes.cloud import wait_for

pytestmark = pytest.mark.browser
EVIL = """<img src=x onerror=alert(1)>"'</textarea></title><script>alert(1)</script>"""
_WITHIN_MS = 2_000
_LATER_MS = 30_000  # until the host has looked, and its doctor


def test_a_server_with_a_gpu_by_mouse(admin: Page, cloud: BrowserCloud, tmp_path: Path) -> None:
    """An image from a file, a flavor with a device, a server, its log, its device on the map, and its end."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"\0" * 300_000)
    admin.get_by_role("link", name="Images").click()
    admin.get_by_label("Name").fill("from-a-file")
    admin.get_by_label("Disk format").select_option("raw")
    admin.get_by_role("button", name="Continue to its data").click()
    admin.get_by_label("File").set_input_files(disk)
    admin.get_by_role("button", name="Upload").click()
    expect(admin.get_by_role("row", name=re.compile("from-a-file.*active"))).to_be_visible()

    admin.get_by_role("link", name="Flavors").click()
    admin.get_by_label("Name").fill("one-a100")
    admin.get_by_label("RAM in MiB").fill("512")
    admin.get_by_label("Disk in GB").fill("1")
    admin.get_by_label("Devices").fill("a1:1")
    admin.get_by_role("button", name="Create").click()
    admin.get_by_role("row", name=re.compile("one-a100")).get_by_role("link", name="Fit").click()
    expect(admin.get_by_role("heading", name="A server with one-a100 would land here")).to_be_visible()
    expect(admin.locator(".tile.landing")).to_have_count(1)

    admin.get_by_label("Name").fill("trainer")
    admin.get_by_label("Image").select_option("from-a-file")
    admin.get_by_role("button", name="Create").click()
    expect(admin.get_by_role("heading", name="trainer")).to_be_visible()
    expect(admin.locator(".badge.v-active")).to_be_visible()  # by itself, when its host says so
    admin.get_by_role("link", name=re.compile("10de:20b5")).click()
    expect(admin.locator(".tile.s-allocated:not(.dim)")).to_contain_text("trainer")

    admin.get_by_role("link", name="Servers").click()
    admin.get_by_role("link", name="trainer").click()
    admin.locator("summary", has_text="Delete").click()
    admin.get_by_role("button", name="Delete").click()
    expect(admin.get_by_role("link", name="trainer", exact=True)).to_have_count(0)


def test_a_server_with_a_gpu_by_keyboard_alone(admin: Page, cloud: BrowserCloud) -> None:
    _walk(admin, "link", "Servers")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/ui/servers")
    _walk(admin, "link", "New server")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/ui/servers/new")
    _walk(admin, "textbox", "Name")
    admin.keyboard.type("by-keys")
    _walk(admin, "radio", "a100")
    admin.keyboard.press("Space")
    _walk(admin, "button", "Create")
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("heading", name="by-keys")).to_be_visible()
    expect(admin.locator(".badge.v-active")).to_be_visible()
    _walk(admin, "summary", "Delete")
    admin.keyboard.press("Enter")
    admin.keyboard.press("Tab")
    admin.keyboard.press("Enter")
    admin.wait_for_url("**/ui/servers?done=deleted")


def _walk(page: Page, role: str, name: str) -> None:
    """Presses Tab until the element that has the focus is the one, as people do who have no mouse.

    Radio buttons are one stop; arrows go between them.
    """
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUS)
        if found["role"] == "radio" and role == "radio":
            for _ in range(20):
                if page.evaluate(_FOCUS)["name"].startswith(name):
                    return
                page.keyboard.press("ArrowDown")
        if found["role"] == role and found["name"].startswith(name):
            return
    raise AssertionError(f"no Tab leads to the {role} {name}")


_FOCUS = """() => {
  const e = document.activeElement, tag = e.tagName.toLowerCase();
  const role = tag === "a" ? "link" : tag === "input" ? (["radio", "checkbox"].includes(e.type) ? e.type : "textbox") : tag;
  const label = e.labels?.[0]?.querySelector("strong") ?? e.labels?.[0];
  return { role, name: (label ?? e).textContent.trim() };
}"""


def test_a_claimed_device_changes_on_the_open_map_within_two_seconds(admin: Page, cloud: BrowserCloud) -> None:
    admin.goto("/ui/map")
    expect(admin.locator("#live[data-state=on]")).to_be_visible()
    admin.evaluate("window.here = 1")
    before = admin.locator("[data-cabinet=gpu-01] .tile:not(.s-available)").count()

    made = cloud.create_now("live-one", cloud.a100)
    wait_for("a device to be claimed", lambda: "live-one" in str(cloud.devices()))
    began = time.monotonic()
    expect(admin.locator("[data-cabinet=gpu-01] .tile:not(.s-available)")).to_have_count(before + 1, timeout=_WITHIN_MS)
    expect(admin.locator("[data-cabinet=gpu-01]")).to_contain_text("live-one")

    assert time.monotonic() - began < 2.5
    assert admin.evaluate("window.here") == 1  # the page was not loaded again
    cloud.delete(made)
    expect(admin.locator("[data-cabinet=gpu-01] .tile:not(.s-available)")).to_have_count(before)


def test_the_map_is_filtered_by_words_and_by_status(admin: Page, cloud: BrowserCloud) -> None:
    admin.goto("/ui/map")

    admin.get_by_label("Search devices").fill("h200 hgx-02")
    expect(admin.locator(".cabinet:visible")).to_have_count(1)
    expect(admin.locator(".tile:not(.dim)")).to_have_count(8)
    admin.get_by_label("Search devices").fill("")
    admin.get_by_role("button", name=re.compile("not offered")).click()
    expect(admin.locator(".tile:not(.dim)").first).to_have_class(re.compile("s-not-offered"))


def test_a_member_sees_no_map_and_an_operator_s_page_refuses_with_the_rule(page: Page, cloud: BrowserCloud) -> None:
    cloud.member("carol")
    log_in(page, "carol", "pw")

    expect(page.get_by_role("link", name="GPU map")).to_have_count(0)
    page.goto("/ui/map")
    expect(page.get_by_role("alert")).to_contain_text("busway:devices:list")


def test_devices_in_words_land_and_one_click_creates_the_server(admin: Page, cloud: BrowserCloud) -> None:
    admin.goto("/ui/fit")
    admin.get_by_label("Devices").fill("2 x H200, one socket")
    admin.get_by_role("button", name="Look", exact=True).click()
    expect(admin.locator(".tile.landing")).to_have_count(2)
    admin.get_by_role("button", name="Create").click()

    expect(admin.get_by_role("heading", name="h200-2")).to_be_visible()
    expect(admin.locator(".badge.v-active")).to_be_visible()
    cloud.delete(admin.url.rpartition("/")[2].partition("?")[0])


def test_a_refused_server_has_each_host_drawn_with_its_reason(admin: Page, cloud: BrowserCloud) -> None:
    admin.goto("/ui/fit?devices=4 x h200, one switch")
    expect(admin.locator("[role=alert]")).to_contain_text("the most that are free within one: 1 of alias h200")
    expect(admin.locator("[role=alert]")).to_contain_text("let the devices lie apart")
    expect(admin.locator(".cabinet.refused")).to_have_count(3)
    made = cloud.create_now("refused", cloud.flavor("near", "h200:8,a1:1"))
    try:
        admin.goto(f"/ui/servers/{made}")
        expect(admin.locator(".cabinet.refused")).to_have_count(3)  # by itself, when it is refused
        expect(admin.locator(".cabinet.refused").first).to_contain_text("PciPassthroughFilter")
    finally:
        cloud.delete(made)


def test_a_refusal_says_what_happened_and_what_to_do(admin: Page, cloud: BrowserCloud) -> None:
    admin.goto(f"/ui/fit?flavor={cloud.h200}&count=9")

    expect(admin.get_by_role("alert")).to_contain_text("would not land")
    expect(admin.get_by_text("With any of these it would land")).to_be_visible()


def test_no_name_runs_a_script(admin: Page, cloud: BrowserCloud) -> None:
    """The context of the test fails at any dialog, at any script's error, and at any complaint of the policy."""
    cloud.call("POST", "/compute/v2.1/flavors", {"flavor": {"name": EVIL, "vcpus": 1, "ram": 64, "disk": 1}})
    made = cloud.server(EVIL, cloud.a100, description=EVIL)
    try:
        paths = [
            "map",
            "servers",
            f"servers/{made}",
            "servers/new",
            "flavors",
            "events",
            "audit",
            "fit",
            "hosts/gpu-01",
        ]
        for path in [*paths, "servers?q=%3Cscript%3Ealert(1)%3C/script%3E", "map?q=%22%3E%3Cscript%3Ealert(1)"]:
            admin.goto(f"/ui/{path}")
            expect(admin.locator("main img[src=x]")).to_have_count(0)
    finally:
        cloud.delete(made)


def test_lanes_that_are_lost_and_what_the_doctor_finds_come_to_the_map(admin: Page, cloud: BrowserCloud) -> None:
    device = next(each for each in cloud.devices() if (each["host"], each["address"]) == ("hgx-02", "0000:3a:00.0"))
    folder = cloud.folder / "host-hgx-02/machine/sys/bus/pci/devices/0000:3a:00.0"
    tile = admin.locator(f"#d-{device['id']}")
    admin.goto("/ui/map")
    expect(tile.locator(".link-words")).to_have_text("Gen5 ×16")
    expect(admin.locator("#live[data-state=on]")).to_be_visible()
    before = (folder / "reset_method").read_text()
    try:
        (folder / "current_link_width").write_text("8")
        (folder / "reset_method").write_text("")

        expect(tile.locator(".link-words.narrow")).to_have_text("Gen5 ×8/16", timeout=_LATER_MS)
        expect(tile.locator(".alarm.warns")).to_be_visible(timeout=_LATER_MS)
        admin.get_by_role("button", name=re.compile("findings")).click()
        expect(admin.locator("[data-cabinet=gpu-01]")).to_be_hidden()
        tile.click()
        expect(admin.get_by_text("lanes before: x16")).to_be_visible()
        expect(admin.locator(".finding.warns .brief")).to_contain_text("no way to reset")
    finally:
        (folder / "current_link_width").write_text("16")
        (folder / "reset_method").write_text(before)
