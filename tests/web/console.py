"""A browser without scripts: cookies, forms with their hidden fields, and what stands on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from tests.api.serving import PASSWORD, ApiServer

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Console:
    """One visitor of the console."""

    server: ApiServer
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.server.url, timeout=30, follow_redirects=True)
        self.server.clients.append(self.http)

    def get(self, path: str, status: int = 200) -> str:
        answer = self.http.get(f"/ui{path}")
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[-2000:]}"
        return answer.text

    def send(self, path: str, page: str = "/session", **fields: str) -> httpx.Response:
        """Sends a form as the page that has it would."""
        found = _CSRF.search(self.http.get(f"/ui{page}").text)
        assert found, f"no form on {page}"
        return self.http.post(f"/ui{path}", data={"csrf": found[1], **fields})

    def log_in(self, user: str = "admin", password: str = PASSWORD, project: str = "") -> httpx.Response:
        return self.send("/login", "/login", user=user, password=password, project=project)


def logged_in(server: ApiServer, user: str = "admin", password: str = PASSWORD) -> Console:
    console = Console(server)
    answer = console.log_in(user, password)
    assert answer.url.path != "/ui/login", answer.text
    return console


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text of scripts and styles in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.inline.append(data)
