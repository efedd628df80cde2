"""Fixtures of the browser's tests: one Chromium and one cloud for all of them, a fresh context for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.cloud import BrowserCloud, start_cloud

# No sandbox: tests run as root in containers, and load pages of this machine only.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# What has a limit of its own says so; all else may take as long as a busy machine needs.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "Chromium is not installed: run `make setup`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserCloud]:
    cloud = start_cloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.down()


@pytest.fixture
def context(browser: Browser, cloud: BrowserCloud) -> Iterator[BrowserContext]:
    """A browser without cookies; what its pages complain about fails the test."""
    context = browser.new_context(base_url=cloud.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    context.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def admin(page: Page, cloud: BrowserCloud) -> Page:
    """A page after the log-in of admin."""
    log_in(page, "admin", cloud.password)
    return page


def log_in(page: Page, user: str, password: str) -> None:
    page.goto("/ui")
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def axe_source() -> str:
    """axe-core, which `make vendor` fetched."""
    return (Path(__file__).parent / "vendor/axe-core/axe.min.js").read_text("utf-8")
