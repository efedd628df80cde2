"""From a server's page to the console of its guest: by the API's own operation, and on this server only."""

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.web.console import logged_in


def _running(server: ApiServer) -> str:
    host, image = server.host(), server.image()
    with server.client(version="2.90") as admin:
        body = {"name": "s1", "flavorRef": "1", "imageRef": image, "networks": "none"}
        made = str(admin.post("/compute/v2.1/servers", json={"server": body}).json()["server"]["id"])
    place_round(server.control)
    host.report(running=[made])  # type: ignore[list-item]
    return made


def test_a_console_s_button_leads_to_its_page_with_a_link_for_this_server(api_server: ApiServer) -> None:
    server = _running(api_server)
    console = logged_in(api_server)
    console.http.follow_redirects = False
    assert "Serial console" in console.get(f"/servers/{server}")

    for name, page in (("screen", "/consoles/vnc.html"), ("serial", "/consoles/serial.html")):
        answer = console.send(f"/servers/{server}/console", console=name)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{page}?path=")
        assert "token" in answer.headers["location"]


def test_a_stranger_of_the_project_gets_no_console(api_server: ApiServer) -> None:
    server = _running(api_server)
    api_server.user("ann")

    assert logged_in(api_server, "ann", "pw").send(f"/servers/{server}/console", console="screen").status_code == 404
