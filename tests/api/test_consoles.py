"""Consoles through the whole chain: a WebSocket of a viewer, the control plane, a host's agent, a guest's Unix socket."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
import structlog
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from busway.agent.credential import Credential
from busway.agent.link import HttpLink
from busway.agent.remote_consoles import RemoteConsoles
from busway.control.placement.place import place_round
from busway.domain.console import ConsoleKind
from busway.domain.ids import ServerId
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.hypervisor.guest import SpiceOptions
from busway.testing.guest_sockets import GuestSockets
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.stage import desired_server
from tests.api.serving import ApiServer, as_agent
from tests.api.test_servers import SERVERS, create

SECONDS = 20


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass
class Stage:
    """A server that runs on a host whose agent answers; its guest's sockets are in `folder`."""

    api: ApiServer
    server: str
    folder: Path
    agent: RemoteConsoles
    paths: dict[ConsoleKind, Path]
    client: httpx.Client
    hypervisor: FakeHypervisor
    open: list[ClientConnection] = field(default_factory=list)

    def link(self, type_: str, client: httpx.Client | None = None) -> str:
        body = {"remote_console": {"protocol": "serial" if type_ == "serial" else "vnc", "type": type_}}
        answer = (client or self.client).post(f"{SERVERS}/{self.server}/remote-consoles", json=body)
        answer.raise_for_status()
        return str(answer.json()["remote_console"]["url"])

    def view(self, url: str, **more: Any) -> ClientConnection:
        parts = urlsplit(url)
        [path] = parse_qs(parts.query)["path"]
        options: dict[str, Any] = {
            "subprotocols": [Subprotocol("binary")],
            "compression": None,
            "proxy": None,
            "legacy": True,
            **more,
        }
        opened: ClientConnection = connect(f"ws://{parts.netloc}/{path}", **options)
        self.open.append(opened)
        return opened


@pytest.fixture
def stage(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("g")
    host = api_server.host()
    client = api_server.client(version="2.100")
    server = create(client, api_server.image(), networks="auto").json()["server"]["id"]
    place_round(api_server.control)
    host.report([ServerId(server)])
    hypervisor = FakeHypervisor(folder)
    files = GuestFiles(folder / "d", folder / "c", folder / "l")
    hypervisor.define(domain_xml(desired_server(ServerId(server)), files, GuestOptions(bridges={"default": "br0"})))
    hypervisor.start(ServerId(server))
    token = as_agent(api_server, "host1", rotate=True)["Authorization"].removeprefix("Bearer ")
    link = HttpLink(Credential(url=api_server.url, host="host1", token=token))
    agent = RemoteConsoles(link, hypervisor, "host1", structlog.get_logger("test"))
    with agent.running():
        made = Stage(api_server, server, folder, agent, dict(hypervisor.consoles(ServerId(server))), client, hypervisor)
        yield made
        for each in made.open:
            each.close()
    link.close()


@pytest.fixture
def guest(stage: Stage) -> Iterator[GuestSockets]:
    with GuestSockets(stage.paths) as sockets:
        yield sockets


def closing_words(viewer: ClientConnection) -> str:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            viewer.recv(SECONDS)
    return caught.value.rcvd.reason if caught.value.rcvd else ""


@pytest.mark.usefixtures("guest")
def test_a_screen_greets_as_vnc_and_takes_what_is_typed(stage: Stage) -> None:
    viewer = stage.view(stage.link("novnc"))

    assert viewer.subprotocol == "binary"
    assert viewer.recv(SECONDS) == b"RFB 003.008\n"
    viewer.send(b"rfb 003.008\n")
    assert viewer.recv(SECONDS) == b"RFB 003.008\n"


@pytest.mark.usefixtures("guest")
def test_a_serial_port_shows_its_prompt_and_takes_text_too(stage: Stage) -> None:
    viewer = stage.view(stage.link("serial"), subprotocols=None)

    assert viewer.subprotocol is None
    assert viewer.recv(SECONDS) == b"\r\nguest login: "
    viewer.send("root\n")
    assert viewer.recv(SECONDS) == b"ROOT\n"


@pytest.mark.usefixtures("guest")
def test_a_link_opens_again_until_it_ends(stage: Stage) -> None:
    url = stage.link("novnc")
    for _ in range(2):
        with stage.view(url) as viewer:
            assert viewer.recv(SECONDS) == b"RFB 003.008\n"
    stage.api.clock.ahead += timedelta(seconds=601)

    with pytest.raises(InvalidStatus) as caught:
        stage.view(url)
    assert caught.value.response.status_code == 403
    assert caught.value.response.body in (b"", None), "clients would take it for the guest's first bytes"


@pytest.mark.usefixtures("guest")
def test_a_second_viewer_takes_the_serial_port_over_and_both_see_a_screen(stage: Stage) -> None:
    first, second = stage.view(stage.link("novnc")), stage.view(stage.link("novnc"))
    assert first.recv(SECONDS) == second.recv(SECONDS) == b"RFB 003.008\n"

    before = stage.view(stage.link("serial"))
    before.recv(SECONDS)
    after = stage.view(stage.link("serial"))
    assert after.recv(SECONDS) == b"\r\nguest login: "
    assert closing_words(before) == "Another viewer has taken this console over"


def test_a_guest_that_ends_ends_its_consoles_with_the_reason(stage: Stage, guest: GuestSockets) -> None:
    viewer = stage.view(stage.link("novnc"))
    viewer.recv(SECONDS)
    guest.close()

    assert closing_words(viewer) == "The guest's console has ended"
    until(lambda: stage.agent.open == 0)


@pytest.mark.usefixtures("guest")
def test_a_viewer_that_leaves_frees_the_guests_socket(stage: Stage) -> None:
    stage.view(stage.link("serial")).close()
    until(lambda: stage.agent.open == 0)

    assert stage.view(stage.link("serial")).recv(SECONDS) == b"\r\nguest login: "


def test_a_guest_without_a_socket_is_told_in_words(stage: Stage) -> None:
    assert "does not answer" in closing_words(stage.view(stage.link("novnc")))


@pytest.mark.thorough
def test_a_viewer_that_does_not_read_holds_the_guest_up_and_fills_no_memory(stage: Stage) -> None:
    flood = 64 << 20
    with GuestSockets(stage.paths, flood=flood) as guest:
        viewer = stage.view(stage.link("novnc"), max_queue=1)
        viewer.recv(SECONDS)
        seen = -1
        while seen != guest.sent:
            seen = guest.sent
            time.sleep(0.5)
        held = guest.sent
        while guest.sent < flood:
            viewer.recv(SECONDS)

    assert held < flood // 2  # what the buffers of the sockets on the way hold, which grow as the kernel sees fit


def test_a_token_that_is_none_a_foreign_page_and_a_strange_protocol_are_refused(stage: Stage) -> None:
    url = stage.link("novnc")
    attempts: list[tuple[str, dict[str, Any]]] = [
        (url.replace("token%3D", "token%3Dbad"), {}),
        (url, {"origin": "https://evil.example"}),
        (url, {"subprotocols": [Subprotocol("base64")]}),
    ]
    for link, more in attempts:
        with pytest.raises(InvalidStatus) as caught:
            stage.view(link, **more)
        assert caught.value.response.status_code == 403


def test_another_host_can_not_answer_and_nobody_dials_in_without_a_call(stage: Stage) -> None:
    headers = as_agent(stage.api, "stranger")
    base = stage.api.url.replace("http", "ws")
    for host, wanted in (("stranger", 404), ("host1", 403)):
        with pytest.raises(InvalidStatus) as caught:
            connect(f"{base}/agent/v1/hosts/{host}/consoles/any", additional_headers=headers, proxy=None, legacy=True)
        assert caught.value.response.status_code == wanted
    assert stage.api.client().get("/agent/v1/hosts/host1/consoles").status_code == 401


def test_who_may_not_see_a_server_gets_no_link_and_a_reader_none_either(stage: Stage) -> None:
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    stranger = stage.api.client(stage.api.user("ann"), "2.100")
    reader = stage.api.client(stage.api.user("bob", "reader"), "2.100")

    assert stranger.post(f"{SERVERS}/{stage.server}/remote-consoles", json=body).status_code == 404
    assert reader.post(f"{SERVERS}/{stage.server}/remote-consoles", json=body).status_code == 403


def test_every_type_of_nova_has_its_answer(stage: Stage) -> None:
    def ask(protocol: str, type_: str, version: str = "2.100") -> httpx.Response:
        body = {"remote_console": {"protocol": protocol, "type": type_}}
        return stage.api.client(version=version).post(f"{SERVERS}/{stage.server}/remote-consoles", json=body)

    for protocol, type_ in (
        ("spice", "spice-html5"),
        ("rdp", "rdp-html5"),
        ("mks", "webmks"),
        ("spice", "spice-direct"),
    ):
        refused = ask(protocol, type_)
        assert refused.status_code == 400 and "Unavailable console type" in refused.json()["badRequest"]["message"]
    assert ask("vnc", "serial").headers["x-busway-error-code"] == "console-type"
    assert ask("mks", "webmks", "2.7").headers["x-busway-error-code"] == "invalid-body"
    assert ask("vnc", "novnc", "2.5").status_code == 404
    assert ask("vnc", "novnc", "2.6").status_code == 200


@pytest.fixture
def spice(stage: Stage) -> Stage:
    """A stage whose guest has a SPICE screen, and whose operator has a proxy for it."""
    files = GuestFiles(stage.folder / "d", stage.folder / "c", stage.folder / "l")
    options = GuestOptions(bridges={"default": "br0"}, spice=SpiceOptions("192.0.2.7"))
    stage.hypervisor.destroy(ServerId(stage.server))
    stage.hypervisor.define(domain_xml(desired_server(ServerId(stage.server)), files, options))
    stage.hypervisor.start(ServerId(stage.server))
    object.__setattr__(stage.api.control.settings, "spice_proxy_url", "https://spice.example.org/nova")
    return stage


def token_of_spice(stage: Stage) -> str:
    body = {"remote_console": {"protocol": "spice", "type": "spice-direct"}}
    answer = stage.client.post(f"{SERVERS}/{stage.server}/remote-consoles", json=body)
    url = urlsplit(answer.json()["remote_console"]["url"])
    assert (answer.status_code, url.netloc, url.path) == (200, "spice.example.org", "/nova")
    [token] = parse_qs(str(url.query))["token"]
    return token


def test_a_spice_link_tells_the_operators_proxy_where_the_screen_is(spice: Stage) -> None:
    path = f"/compute/v2.1/os-console-auth-tokens/{token_of_spice(spice)}"
    admin, old = spice.api.client(version="2.99"), spice.api.client(version="2.98")

    shown = {"instance_uuid": spice.server, "host": "192.0.2.7", "port": 5900, "internal_access_path": None}
    assert admin.get(path).json() == {"console": {**shown, "tls_port": None}}
    assert old.get(path).json() == {"console": shown}
    assert spice.api.client(version="2.30").get(path).status_code == 404
    assert spice.api.client(spice.api.user("ann", "member"), "2.99").get(path).status_code == 403
    spice.api.clock.ahead += timedelta(seconds=601)
    assert admin.get(path).headers["x-busway-error-code"] == "console-token-unknown"


def test_the_token_of_a_link_is_not_in_the_log(spice: Stage) -> None:
    with structlog.testing.capture_logs() as lines:
        spice.client.get("/compute/v2.1/os-console-auth-tokens/a-token")

    assert [line["path"] for line in lines if line["event"] == "request"] == ["/compute/v2.1/os-console-auth-tokens/*"]


def test_a_link_opens_its_own_kind_of_console_only(spice: Stage) -> None:
    direct, [socket] = token_of_spice(spice), parse_qs(urlsplit(spice.link("novnc")).query)["path"]
    [novnc] = parse_qs(urlsplit(socket).query)["token"]

    with pytest.raises(InvalidStatus) as caught:
        spice.view(spice.link("novnc").partition("?")[0] + f"?path=consoles/socket%3Ftoken%3D{direct}")
    assert caught.value.response.status_code == 403
    assert spice.client.get(f"/compute/v2.1/os-console-auth-tokens/{novnc}").status_code == 404


def test_a_guest_without_a_spice_screen_has_no_link_to_it(stage: Stage) -> None:
    object.__setattr__(stage.api.control.settings, "spice_proxy_url", "https://spice.example.org/nova")
    body = {"remote_console": {"protocol": "spice", "type": "spice-direct"}}

    refused = stage.client.post(f"{SERVERS}/{stage.server}/remote-consoles", json=body)

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (409, "console-missing")


def test_the_actions_of_older_clients_give_the_same_links(stage: Stage) -> None:
    old, new = stage.api.client(version="2.1"), stage.api.client(version="2.6")
    path = f"{SERVERS}/{stage.server}/action"
    vnc = old.post(path, json={"os-getVNCConsole": {"type": "novnc"}})
    serial = old.post(path, json={"os-getSerialConsole": {"type": "serial"}})

    assert vnc.json()["console"]["type"] == "novnc" and "/consoles/vnc.html?path=" in vnc.json()["console"]["url"]
    assert "/consoles/serial.html?path=" in serial.json()["console"]["url"]
    assert old.post(path, json={"os-getSPICEConsole": {"type": "spice-html5"}}).status_code == 400
    assert old.post(path, json={"os-getVNCConsole": {"type": "invalid"}}).status_code == 400
    assert new.post(path, json={"os-getVNCConsole": {"type": "novnc"}}).status_code == 404


def test_a_server_that_does_not_run_has_no_console(stage: Stage) -> None:
    url = stage.link("novnc")
    idle = create(stage.client, stage.api.image("other"), networks="auto").json()["server"]["id"]
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    refused = stage.client.post(f"{SERVERS}/{idle}/remote-consoles", json=body)
    stage.client.delete(f"{SERVERS}/{stage.server}").raise_for_status()

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (409, "console-not-running")
    with pytest.raises(InvalidStatus):
        stage.view(url)


def test_links_of_one_server_are_bounded(stage: Stage) -> None:
    for _ in range(50):
        stage.link("novnc")
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    refused = stage.client.post(f"{SERVERS}/{stage.server}/remote-consoles", json=body)
    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (409, "console-links")

    stage.api.clock.ahead += timedelta(seconds=601)
    assert stage.link("novnc", stage.api.client(version="2.6"))


@pytest.mark.usefixtures("guest")
def test_consoles_of_one_server_are_bounded(stage: Stage) -> None:
    for _ in range(8):
        assert stage.view(stage.link("novnc")).recv(SECONDS) == b"RFB 003.008\n"

    assert "Too many consoles" in closing_words(stage.view(stage.link("novnc")))


@pytest.mark.thorough
@pytest.mark.parametrize(("type_", "name"), [("novnc", "noVNC"), ("serial", "xterm.js")])
def test_a_links_page_loads_only_files_of_this_server(stage: Stage, type_: str, name: str) -> None:
    page = httpx.get(stage.link(type_))
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    seen: set[str] = set()
    todo = [urljoin(stage.api.url, each) for each in wanted]
    while todo:
        url = todo.pop()
        if url not in seen:
            answer = httpx.get(url)
            assert answer.status_code == 200, url
            seen.add(url)
            todo += [urljoin(url, each) for each in re.findall(r'from [\'"](\.[^\'"]+)[\'"]', answer.text)]

    assert page.headers["content-type"].startswith("text/html") and "</html>" in page.text
    assert name in page.text and "<script" in page.text and len(wanted) >= 2
    assert not re.findall(r"<script(?![^>]*src=)|<style| style=| on[a-z]+=", page.text), "the policy lets none of it in"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert len(seen) > (30 if type_ == "novnc" else 4)
    assert all(url.startswith(stage.api.url) for url in seen)
