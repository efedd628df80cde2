"""Who can't see well, has no mouse, or has a phone only, can use every page too."""

import pytest
from playwright.sync_api import Page

from tests.browser.cloud import BrowserCloud
from tests.browser.conftest import axe_source

pytestmark = pytest.mark.browser
_PAGES = (
    *(
        "map",
        "servers",
        "servers/new",
        "fit",
        "images",
        "keypairs",
        "flavors",
        "quotas",
        "usage",
        "hosts",
        "hosts/gpu-01",
    ),
    *("device-specs", "aliases", "projects", "events", "audit", "session", "nowhere"),
)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(admin: Page, cloud: BrowserCloud, scheme: str) -> None:
    made = cloud.server(f"seen-{scheme}", cloud.a100)
    device = next(each["id"] for each in cloud.devices() if each["server_id"] == made)
    admin.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found: list[str] = []
    try:
        for path in (
            *_PAGES,
            f"servers/{made}",
            f"servers/{made}/log",
            f"devices/{device}",
            f"fit?flavor={cloud.h200}",
            "fit?devices=2 x h200, one socket",
            "fit?devices=4 x h200, one switch",
        ):
            admin.goto(f"/ui/{path}")
            found += _serious(admin, path)
        admin.get_by_role("button", name="Log out").click()
        found += _serious(admin, "login")
    finally:
        cloud.delete(made)
    assert found == [], "\n".join(found)


def _serious(page: Page, path: str) -> list[str]:
    page.evaluate(axe_source())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{path}: {each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary'][:200]}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_no_page_is_wider_than_a_phone(admin: Page, cloud: BrowserCloud) -> None:
    admin.set_viewport_size({"width": 390, "height": 800})
    wide = []
    for path in _PAGES:
        admin.goto(f"/ui/{path}")
        width = admin.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide.append((path, width, admin.evaluate(_WIDEST)))
    assert wide == []


_WIDEST = """() => [...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll, .drawing"))
  .map((e) => e.outerHTML.slice(0, 120)).slice(0, 3)"""


def test_the_look_that_was_chosen_stays(admin: Page) -> None:
    admin.get_by_role("button", name="Change the look: as the system").click()
    assert admin.locator("html").get_attribute("data-theme") == "dark"
    admin.goto("/ui/servers")
    assert admin.locator("html").get_attribute("data-theme") == "dark"
