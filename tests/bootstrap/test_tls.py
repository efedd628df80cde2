"""TLS of the control plane, over real sockets on loopback: its certificate, joining, renewal, and somebody in between."""

import dataclasses
import json
import os
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from busway.agent.credential import Credential, read_credential, write_credential
from busway.agent.join import join_host
from busway.agent.link import HttpLink
from busway.bootstrap.config import Config, read_config
from busway.bootstrap.config_transport import in_the_open
from busway.bootstrap.demo import find_clients
from busway.bootstrap.serve import Served, served
from busway.bootstrap.tls import keep_fresh, prepare_tls
from busway.cli.client import Client
from busway.cli.main import main
from busway.control.hosts import joining
from busway.domain.errors import BuswayError, Forbidden, InvalidConfig, NotAuthenticated, Unavailable
from busway.pki.authority import CERTIFICATE_LIFE, make_authority
from busway.pki.certificate import fingerprint, host_of
from busway.wire.join import JoinToken, decode_token, encode_token
from tests.bootstrap.between import between
from tests.control.clouds import ADMIN
from tests.databases import add_tables_of


def config(folder: Path, **overrides: Any) -> Config:
    return read_config(None, **{"state_path": folder / "state", "port": 0, "plain_http": False, **overrides})


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Served]:
    with served(add_tables_of(config(tmp_path))) as cloud:
        yield cloud


def invite(cloud: Served, name: str = "gpu-07", *, rotate: bool = False) -> JoinToken:
    return joining.create_host(cloud.control, ADMIN, name, rotate=rotate)


def asks(credential: Credential) -> None:
    link = HttpLink(credential)
    try:
        link.fetch_desired(-1, 0)
    finally:
        link.close()


# Which addresses speak TLS


@pytest.mark.parametrize(
    ("overrides", "tls", "url"),
    [
        ({}, False, "http://127.0.0.1:8774"),
        ({"listen": "::1"}, False, "http://[::1]:8774"),
        ({"listen": "localhost"}, False, "http://localhost:8774"),
        ({"listen": "192.0.2.7"}, True, "https://192.0.2.7:8774"),
        ({"listen": "cloud.example"}, True, "https://cloud.example:8774"),
        ({"listen": "192.0.2.7", "plain_http": True}, False, "http://192.0.2.7:8774"),
        ({"plain_http": False}, True, "https://127.0.0.1:8774"),
        ({"agent_certificates": True}, True, "https://127.0.0.1:8774"),
    ],
)
def test_every_address_but_a_loopback_one_speaks_tls_unless_told_otherwise(
    tmp_path: Path, overrides: dict[str, Any], tls: bool, url: str
) -> None:
    read = read_config(None, state_path=tmp_path, **overrides)

    assert (read.tls, read.settings.public_url) == (tls, url)


def test_an_address_that_means_all_has_this_machines_name_in_its_url(tmp_path: Path) -> None:
    url = read_config(None, state_path=tmp_path, listen="0.0.0.0").settings.public_url

    assert url == f"https://{os.uname().nodename}:8774"


@pytest.mark.parametrize(
    ("listen", "tls", "warns"), [("192.0.2.7", False, True), ("192.0.2.7", True, False), ("127.0.0.1", False, False)]
)
def test_plain_http_where_others_reach_it_warns(listen: str, tls: bool, warns: bool) -> None:
    assert ("travel in the open" in in_the_open(listen, tls=tls)) == warns


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"listen": "192.0.2.7", "public_url": "http://cloud.example"}, "public-url-plain"),
        ({"plain_http": True, "agent_certificates": True}, "certificates-without-tls"),
        ({"tls_key": "/k.pem"}, "tls-key-alone"),
    ],
)
def test_words_that_contradict_each_other_are_refused(tmp_path: Path, overrides: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        read_config(None, state_path=tmp_path, **overrides)

    assert caught.value.code == code


# The certificate


@pytest.mark.thorough
def test_the_first_start_makes_an_authority_that_clients_are_told_and_later_starts_keep_it(tmp_path: Path) -> None:
    with served(config(tmp_path)) as first:
        entry = yaml.safe_load(first.clouds.read_text())["clouds"]["busway"]
        before = Path(entry["cacert"]).read_text()
        assert f"OS_CACERT={entry['cacert']}" in first.clouds.with_name("openrc").read_text()
        assert httpx.get(first.url, verify=ssl.create_default_context(cafile=entry["cacert"])).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(first.url)
    with served(config(tmp_path)) as second:
        again = yaml.safe_load(second.clouds.read_text())["clouds"]["busway"]
        assert Path(again["cacert"]).read_text() == before
        assert again["auth"]["auth_url"] == f"{second.url}/identity"
        with Client(second.clouds) as client:
            client.request("GET", "hosts")
    folder = tmp_path / "state" / "tls"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {
        "tls": 0o700,
        "authority.pem": 0o600,
        "ca.pem": 0o600,
        "server.pem": 0o600,
    }


def test_a_start_that_was_killed_half_way_is_mended_by_the_next(tmp_path: Path) -> None:
    made = prepare_tls(config(tmp_path), datetime.now(UTC))
    assert made is not None
    for name in ("server.pem", "ca.pem"):
        (tmp_path / "state" / "tls" / name).unlink()

    again = prepare_tls(config(tmp_path), datetime.now(UTC))

    assert again is not None and again.ca == made.ca


def test_several_processes_that_start_at_once_have_one_authority(tmp_path: Path) -> None:
    found: list[str] = []
    asked = config(tmp_path)

    def start() -> None:
        made = prepare_tls(asked, datetime.now(UTC))
        found.append(made.ca if made else "")

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1


def test_the_certificate_is_renewed_while_it_serves_and_the_authority_stays(tmp_path: Path) -> None:
    made = prepare_tls(config(tmp_path), datetime.now(UTC))
    assert made is not None
    first = made.certificate.read_text()
    stop = threading.Event()

    def later() -> datetime:
        stop.set()
        return datetime.now(UTC) + CERTIFICATE_LIFE * 0.7

    keep_fresh(made, later, stop, seconds=0.01)

    assert made.certificate.read_text() != first
    assert not made.refresh(datetime.now(UTC) + CERTIFICATE_LIFE * 0.7)
    assert prepare_tls(config(tmp_path), datetime.now(UTC)).ca == made.ca  # type: ignore[union-attr]


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    made = prepare_tls(config(tmp_path), datetime.now(UTC))
    again = prepare_tls(config(tmp_path, tls_names=["cloud.example"]), datetime.now(UTC))

    assert made is not None and again is not None
    assert "cloud.example" in again.names - made.names


@pytest.mark.thorough
def test_files_of_the_operator_are_shown_and_followed_when_they_change(tmp_path: Path) -> None:
    theirs, now = make_authority(datetime.now(UTC)), datetime.now(UTC)
    pem, ca = tmp_path / "their.pem", tmp_path / "their-ca.pem"
    pem.write_text(theirs.sign_server(["127.0.0.1"], now))
    ca.write_text(theirs.ca)
    trust = ssl.create_default_context(cafile=str(ca))
    with served(config(tmp_path, tls_certificate=str(pem), tls_ca=str(ca))) as cloud:
        assert httpx.get(cloud.url, verify=trust).status_code == 200
        assert yaml.safe_load(cloud.clouds.read_text())["clouds"]["busway"]["cacert"] == str(ca)
        assert invite(cloud).fingerprint == fingerprint(theirs.ca)
    made = prepare_tls(config(tmp_path, tls_certificate=str(pem), tls_ca=str(ca)), now)
    assert made is not None and not made.refresh(now)
    pem.write_text(theirs.sign_server(["127.0.0.1", "other.example"], now))
    assert made.refresh(now)


def test_a_certificate_of_a_public_authority_needs_no_fingerprint(tmp_path: Path) -> None:
    theirs = make_authority(datetime.now(UTC))
    (tmp_path / "their.pem").write_text(theirs.sign_server(["127.0.0.1"], datetime.now(UTC)))
    with served(config(tmp_path, tls_certificate=str(tmp_path / "their.pem"))) as cloud:
        assert invite(cloud).fingerprint == ""
        assert "cacert" not in cloud.clouds.read_text()


# Joining


def test_a_host_joins_with_one_line_and_its_agent_speaks(cloud: Served, tmp_path: Path) -> None:
    path = tmp_path / "etc" / "agent.json"
    run = CliRunner()
    said = run.invoke(main, ["host", "create", "gpu-07", "--clouds", str(cloud.clouds)])
    joined = run.invoke(main, ["agent", "join", said.output.strip(), "--credential", str(path)])

    assert joined.exit_code == 0, joined.output
    assert len(said.output.split()) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    credential = read_credential(path)
    assert (credential.url, credential.host) == (cloud.url, "gpu-07")
    assert host_of(ssl.PEM_cert_to_DER_cert(credential.certificate)) == "gpu-07"
    asks(credential)


def test_a_token_is_good_once(cloud: Served, tmp_path: Path) -> None:
    token = invite(cloud)
    first = join_host(token, tmp_path / "one.json")

    with pytest.raises(NotAuthenticated, match="used already"):
        join_host(token, tmp_path / "two.json")

    assert not (tmp_path / "two.json").exists()
    asks(first)


def test_a_token_expires(tmp_path: Path) -> None:
    with served(config(tmp_path)) as cloud:
        late = dataclasses.replace(cloud.control, now=lambda: datetime.now(UTC) - timedelta(hours=2))
        token = joining.create_host(late, ADMIN, "gpu-07")
        with pytest.raises(NotAuthenticated, match="has expired"):
            join_host(token, tmp_path / "agent.json")


def test_a_new_invitation_ends_the_token_and_the_credential_before_it(cloud: Served, tmp_path: Path) -> None:
    first = invite(cloud)
    second = invite(cloud, rotate=True)
    with pytest.raises(NotAuthenticated, match="not known"):
        join_host(first, tmp_path / "agent.json")
    credential = join_host(second, tmp_path / "agent.json")

    invite(cloud, rotate=True)

    with pytest.raises(NotAuthenticated):
        asks(credential)


def test_a_place_that_can_not_be_written_costs_no_token(cloud: Served, tmp_path: Path) -> None:
    token = invite(cloud)
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidConfig) as caught:
        join_host(token, tmp_path / "file" / "agent.json")

    assert caught.value.code == "credential-place"
    join_host(token, tmp_path / "agent.json")


@pytest.mark.parametrize("text", ["", "busway-join-1.", "busway-join-1.e30", "busway-join-1.%%%", "x" * 5000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BuswayError) as caught:
        decode_token(text)

    assert caught.value.code == "join-token-form"


def test_a_token_is_one_word_and_tells_no_secret_in_its_repr() -> None:
    token = JoinToken("https://cloud.example:8774", "gpu-07", "s3cret", "ab" * 32)

    assert decode_token(f"  {encode_token(token)}\n") == token
    assert len(encode_token(token).split()) == 1
    assert "s3cret" not in repr(token)


def test_a_large_request_to_join_is_cut_off(cloud: Served) -> None:
    trust = ssl.create_default_context(cadata=cloud.control.ca)

    answer = httpx.post(f"{cloud.url}/agent/v1/join", content=b" " * 100_000, verify=trust)

    assert answer.status_code == 413


# Somebody in between


def test_who_shows_an_authority_of_its_own_is_not_told_the_secret(cloud: Served, tmp_path: Path) -> None:
    with between(cloud.url, tmp_path, poses=True) as proxy:
        token = dataclasses.replace(invite(cloud), url=proxy.url)
        with pytest.raises(Forbidden, match="is not the control plane") as caught:
            join_host(token, tmp_path / "agent.json")

    assert caught.value.code == "join-stranger"
    assert token.fingerprint in caught.value.detail
    assert proxy.seen and token.secret.encode() not in proxy.seen


def test_who_hands_on_the_true_authority_under_another_certificate_is_not_told_the_secret(
    cloud: Served, tmp_path: Path
) -> None:
    with between(cloud.url, tmp_path) as proxy:
        token = dataclasses.replace(invite(cloud), url=proxy.url)
        with pytest.raises(Forbidden) as caught:
            join_host(token, tmp_path / "agent.json")

    assert caught.value.code == "join-stranger"
    assert b"/agent/v1/authority" in proxy.seen and token.secret.encode() not in proxy.seen
    assert not (tmp_path / "agent.json").exists()


def test_an_agent_says_nothing_to_somebody_in_between(cloud: Served, tmp_path: Path) -> None:
    credential = join_host(invite(cloud), tmp_path / "agent.json")
    with between(cloud.url, tmp_path) as proxy, pytest.raises(Unavailable) as caught:
        asks(dataclasses.replace(credential, url=proxy.url))

    assert caught.value.code == "control-untrusted"
    assert proxy.seen == b""


def test_the_command_line_says_nothing_to_somebody_in_between(cloud: Served, tmp_path: Path) -> None:
    with between(cloud.url, tmp_path) as proxy:
        clouds = tmp_path / "clouds.yaml"
        clouds.write_text(cloud.clouds.read_text().replace(cloud.url, proxy.url))
        with pytest.raises(Unavailable) as caught:
            Client(clouds)

    assert caught.value.code == "control-untrusted"
    assert proxy.seen == b""


# Renewal


def test_a_credential_renews_itself_and_the_old_one_ends_with_the_first_use_of_the_new(
    cloud: Served, tmp_path: Path
) -> None:
    path = tmp_path / "agent.json"
    old = join_host(invite(cloud), path)
    link = HttpLink(old, keep=lambda new: write_credential(path, new), wall=lambda: old.renew_at + 1)

    assert link.renew_credential()
    new = read_credential(path)
    asks(old)
    link.fetch_desired(-1, 0)
    link.close()

    assert new.token != old.token and new.certificate != old.certificate and new.renew_at > old.renew_at
    with pytest.raises(NotAuthenticated):
        asks(old)
    asks(new)


def test_before_its_time_nothing_is_renewed(cloud: Served, tmp_path: Path) -> None:
    old = join_host(invite(cloud), tmp_path / "agent.json")
    link = HttpLink(old, keep=lambda _new: None, wall=lambda: old.renew_at - 1)

    assert not link.renew_credential()
    link.close()


def test_an_agent_that_dies_before_it_wrote_the_new_credential_goes_on_with_the_old(
    cloud: Served, tmp_path: Path
) -> None:
    path = tmp_path / "agent.json"
    old = join_host(invite(cloud), path)

    def die(_new: Credential) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        link = HttpLink(old, keep=die, wall=lambda: old.renew_at + 1)
        with pytest.raises(KeyboardInterrupt):
            link.renew_credential()
        link.close()
        asks(read_credential(path))

    link = HttpLink(old, keep=lambda new: write_credential(path, new), wall=lambda: old.renew_at + 1)
    assert link.renew_credential()
    link.close()
    asks(read_credential(path))


def test_a_host_can_not_take_another_ones_token(cloud: Served) -> None:
    from busway.domain.errors import Conflict
    from busway.wire.join import JoinRequest, RenewRequest

    taken = joining.token_hash("one")
    joining.join(cloud.control, JoinRequest(invite(cloud, "one").secret, taken))
    joining.join(cloud.control, JoinRequest(invite(cloud, "two").secret, joining.token_hash("two")))
    from busway.store import hosts

    with cloud.control.db.read() as tx:
        two = hosts.find_host(tx, "two")
    assert two is not None
    with pytest.raises(Conflict, match="belongs to another host"):
        joining.renew(cloud.control, two.id, RenewRequest(taken))


# Mutual TLS


@pytest.mark.thorough
def test_where_the_operator_asks_for_it_an_agent_must_show_its_own_certificate(tmp_path: Path) -> None:
    with served(config(tmp_path, agent_certificates=True)) as cloud:
        one = join_host(invite(cloud, "one"), tmp_path / "one.json")
        two = join_host(invite(cloud, "two"), tmp_path / "two.json")
        asks(one)
        without = dataclasses.replace(one, certificate="", key="")
        with pytest.raises(NotAuthenticated, match="must present its certificate"):
            asks(without)
        with pytest.raises(NotAuthenticated, match="the certificate of host two"):
            asks(dataclasses.replace(one, certificate=two.certificate, key=two.key))
        stranger = make_authority(datetime.now(UTC))
        from busway.pki.request import make_request

        key, request = make_request("one")
        forged = dataclasses.replace(one, certificate=stranger.sign_agent(request, "one", datetime.now(UTC)), key=key)
        with pytest.raises(Unavailable):
            asks(forged)
        with Client(cloud.clouds) as client:
            client.request("GET", "hosts")  # users show none


# The stock clients


@pytest.mark.clients
@pytest.mark.timeout(300)
def test_the_stock_clients_work_over_it_and_refuse_somebody_in_between(cloud: Served, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
    lines = cloud.clouds.with_name("openrc").read_text().splitlines()
    openrc = dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def run(program: str, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        command = [str(find_clients() / program), *words]
        return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True, timeout=120, check=False)

    by_file = {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds), "OS_CLOUD": "busway"}
    flavors = run("openstack", "flavor", "list", "-f", "json", **by_file)
    assert flavors.returncode == 0, flavors.stderr
    assert "m1.small" in {row["Name"] for row in json.loads(flavors.stdout)}
    nova = run("nova", "list", **openrc)
    assert nova.returncode == 0, nova.stderr
    with between(cloud.url, tmp_path) as proxy:
        fooled = run("openstack", "token", "issue", **{**openrc, "OS_AUTH_URL": f"{proxy.url}/identity/v3"})
    assert fooled.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in fooled.stderr
    assert proxy.seen == b""
