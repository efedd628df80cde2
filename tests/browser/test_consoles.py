"""Needs Chromium and QEMU: the consoles' pages in a real browser, with the screen of a real QEMU behind them."""

import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from busway.domain.console import ConsoleKind
from busway.testing.guest_sockets import GuestSockets
from tests.api.conftest import api_server, api_template
from tests.api.test_consoles import Stage, stage, until

__all__ = ["api_server", "api_template", "stage"]
SECONDS = 30

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(SECONDS * 1000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None)
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def qemu(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    path = stage.paths[ConsoleKind.VNC]
    command = ["qemu-system-x86_64", "-machine", "none", "-display", "none", "-vnc", f"unix:{path}", "-nodefaults"]
    process = subprocess.Popen(command)
    try:
        until(path.exists)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_screen_is_drawn_and_its_end_is_told(stage: Stage, page: Page, qemu: subprocess.Popen[bytes]) -> None:
    page.goto(stage.link("novnc"))
    page.get_by_text("Connected.").wait_for()
    canvas = page.locator("#place canvas")
    canvas.wait_for()
    until(
        lambda: canvas.evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 < 3 && v)"
        )
    )
    assert page.get_by_role("button", name="Ctrl+Alt+Del").is_enabled()

    qemu.kill()
    page.get_by_text("The guest's console has ended.").wait_for()


def test_a_terminal_shows_the_prompt_and_what_is_typed(stage: Stage, page: Page) -> None:
    with GuestSockets({ConsoleKind.SERIAL: stage.paths[ConsoleKind.SERIAL]}):
        page.goto(stage.link("serial"))
        page.get_by_text("Connected.").wait_for()
        page.get_by_text("guest login:").wait_for()
        page.keyboard.type("root")
        page.get_by_text("guest login: ROOT").wait_for()
        style = page.locator(".xterm-rows").evaluate("e => getComputedStyle(e).fontFamily")
    assert "monospace" in style or "courier" in style.lower(), "the terminal's own styles are in force"


def test_a_link_that_is_over_is_told(stage: Stage, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(stage.link("novnc").replace("token%3D", "token%3Dbad"))
    page.get_by_text("The console could not be opened.").wait_for(timeout=SECONDS * 1000)
    page.close()
