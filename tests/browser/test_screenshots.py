"""Pictures of the main pages, for the docs: `make screenshots` writes them there."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cloud import BrowserCloud

pytestmark = pytest.mark.browser


def test_the_main_pages_have_their_pictures(admin: Page, cloud: BrowserCloud, tmp_path: Path) -> None:
    folder = Path(os.environ.get("BUSWAY_SCREENSHOTS", tmp_path))
    made = [cloud.server(name, cloud.a100) for name in ("trainer-0", "trainer-1")]
    made.append(cloud.server("llm", cloud.h200))
    try:
        device = next(each["id"] for each in cloud.devices() if each["server_id"] == made[0])
        pages = {
            "map": "map",
            "device": f"devices/{device}",
            "servers": "servers",
            "server-new": f"servers/new?flavor={cloud.h200}",
            "fit": "fit?devices=2 x h200, one socket",
            "fit-refused": "fit?devices=4 x h200, one switch",
            "hosts": "hosts/hgx-02",
        }
        for name, path in pages.items():
            admin.goto(f"/ui/{path}")
            expect(admin.locator("h1")).to_be_visible()
            admin.screenshot(path=folder / f"{name}.png")
        admin.emulate_media(color_scheme="dark")
        admin.goto("/ui/map")
        expect(admin.locator("#live[data-state=on]")).to_be_visible()
        admin.screenshot(path=folder / "map-dark.png")
        admin.set_viewport_size({"width": 390, "height": 844})
        admin.screenshot(path=folder / "map-phone.png")
    finally:
        for each in made:
            cloud.delete(each)
    assert all((folder / f"{name}.png").stat().st_size > 10_000 for name in pages)
