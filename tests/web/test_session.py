"""Sessions: a token in a cookie, forms that only its pages send, and an end when the token ends."""

import httpx

from tests.api.serving import PASSWORD, ApiServer
from tests.web.console import Console, logged_in


def test_a_right_password_opens_the_first_page_of_an_operator(api_server: ApiServer) -> None:
    console = Console(api_server)

    assert console.log_in().url.path == "/ui/map"


def test_a_wrong_password_is_told_in_the_words_of_the_api_and_opens_nothing(api_server: ApiServer) -> None:
    console = Console(api_server)

    answer = console.log_in(password="wrong")

    assert answer.status_code == 401
    assert "requires authentication" in answer.text
    assert console.http.get("/ui/map").url.path == "/ui/login"


def test_the_cookie_of_a_session_is_closed_to_scripts_and_to_other_sites(api_server: ApiServer) -> None:
    console = Console(api_server)
    console.http.follow_redirects = False

    cookie = console.log_in().headers.get_list("set-cookie")[0].lower()

    assert cookie.startswith("busway_session=")
    assert {"httponly", "samesite=strict", "path=/ui"} <= {part.strip() for part in cookie.split(";")}


def test_over_tls_a_cookie_is_for_tls_only(api_server: ApiServer) -> None:
    """What makes the request one over TLS is the server's word, so it is asked of the function itself."""
    from starlette.requests import Request
    from starlette.responses import Response

    from busway.web.session import COOKIE, set_cookie

    scope = {"type": "http", "method": "GET", "path": "/ui", "headers": [], "scheme": "https", "server": ("a", 443)}
    answer = Response()
    set_cookie(answer, Request(scope), COOKIE, "x")

    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_form_without_the_token_of_its_session_does_nothing(api_server: ApiServer) -> None:
    console, other = logged_in(api_server), logged_in(api_server)
    foreign = other.get("/session").partition('name="csrf" value="')[2][:64]

    for data in ({}, {"csrf": "0" * 64}, {"csrf": foreign}):
        answer = console.http.post("/ui/hosts", data={**data, "name": "evil"})
        assert answer.status_code == 403
        assert "form-foreign" in answer.text
    assert "evil" not in console.get("/hosts")


def test_a_form_that_another_site_sends_does_nothing_even_with_the_token(api_server: ApiServer) -> None:
    console = logged_in(api_server)
    token = console.get("/session").partition('name="csrf" value="')[2][:64]

    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = console.http.post("/ui/hosts", data={"csrf": token, "name": "evil"}, headers=headers)
        assert answer.status_code == 403
    assert "evil" not in console.get("/hosts")


def test_nobody_is_logged_in_by_a_form_of_another_visitor(api_server: ApiServer) -> None:
    """Otherwise a stranger could have somebody work in the stranger's project."""
    visitor, victim = Console(api_server), Console(api_server)
    token = visitor.get("/login").partition('name="csrf" value="')[2][:64]

    answer = victim.http.post("/ui/login", data={"csrf": token, "user": "admin", "password": PASSWORD})

    assert answer.status_code == 403
    assert "busway_session" not in victim.http.cookies


def test_a_log_out_ends_the_token_too(api_server: ApiServer) -> None:
    console = logged_in(api_server)
    secret = console.http.cookies["busway_session"]

    assert console.send("/logout").url.path == "/ui/login"

    assert api_server.client(secret).get("/compute/v2.1/servers").status_code == 401
    console.http.cookies.set("busway_session", secret)
    assert console.http.get("/ui/map").url.path == "/ui/login"


def test_a_token_that_is_revoked_elsewhere_ends_the_session(api_server: ApiServer) -> None:
    console = logged_in(api_server)
    secret = console.http.cookies["busway_session"]

    httpx.delete(
        f"{api_server.url}/identity/v3/auth/tokens", headers={"x-auth-token": secret, "x-subject-token": secret}
    ).raise_for_status()

    assert console.http.get("/ui/map").url.path == "/ui/login"


def test_a_user_works_in_the_project_that_they_choose(api_server: ApiServer) -> None:
    api_server.user("ann")
    console = logged_in(api_server, "ann", "pw")

    assert console.http.get("/ui/start").url.path == "/ui/servers"
    with api_server.client() as admin:
        made = admin.post("/identity/v3/projects", json={"project": {"name": "second"}}).json()["project"]["id"]
        users = admin.get("/identity/v3/users", params={"name": "ann"}).json()["users"]
        role = admin.get("/identity/v3/roles", params={"name": "member"}).json()["roles"][0]["id"]
        admin.put(f"/identity/v3/projects/{made}/users/{users[0]['id']}/roles/{role}").raise_for_status()
    console.send("/scope", project=made)

    assert "<dd>second" in console.get("/session")


def test_a_browser_is_sent_on_within_the_console_only(api_server: ApiServer) -> None:
    for target, place in (
        ("/ui/hosts", "/ui/hosts"),
        ("//evil.example/", "/ui/map"),
        ("https://evil.example", "/ui/map"),
    ):
        console = Console(api_server)
        answer = console.send("/login", "/login", user="admin", password=PASSWORD, next=target)
        assert (answer.url.host, answer.url.path) == ("127.0.0.1", place)


def test_a_log_in_from_a_page_is_in_the_audit_as_one_of_the_api_is(api_server: ApiServer) -> None:
    console = logged_in(api_server)

    assert "identity:authenticate" in console.get("/audit")
