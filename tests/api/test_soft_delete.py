"""Soft-deleted servers over HTTP: Nova's words, who may restore them, and what every other action answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_server_commands import obeying, runner
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host


@pytest.fixture
def keeping(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """A cloud that keeps deleted servers for a day."""
    server = start_api_server(tmp_path, api_template, reclaim_instance_interval=86400)
    yield server
    server.stop()


def running(server: ApiServer, token: str | None = None) -> tuple[Host, str]:
    host = server.host()
    made = create(server.client(token), server.image(visibility="public")).json()["server"]["id"]
    place_round(server.control)
    host.obey()
    return host, str(made)


def test_a_deleted_server_is_restored_and_deleted_for_good(keeping: ApiServer) -> None:
    token = keeping.user("someone")
    host, server = running(keeping, token)
    with keeping.client(token, "2.96") as user:
        url = f"{SERVERS}/{server}"
        assert user.delete(url).status_code == 204
        host.obey()
        told = user.get(url).json()["server"]
        states = [told[f"OS-EXT-STS:{name}"] for name in ("vm_state", "task_state", "power_state")]
        assert (told["status"], states) == ("SOFT_DELETED", ["soft-delete", None, 4])
        assert user.delete(url).status_code == 204
        assert user.post(f"{url}/action", json={"restore": None}).status_code == 202
        assert user.get(url).json()["server"]["OS-EXT-STS:task_state"] == "restoring"
        host.obey()
        assert user.get(url).json()["server"]["status"] == "ACTIVE"
        acts = [each["action"] for each in user.get(f"{url}/os-instance-actions").json()["instanceActions"]]
        assert acts == ["restore", "delete", "delete", "create"]
        user.delete(url).raise_for_status()
        assert user.post(f"{url}/action", json={"forceDelete": None}).status_code == 202
        host.obey()
        assert user.get(url).status_code == 404


def test_the_command_restores_a_server_by_its_name(keeping: ApiServer, tmp_path: Path) -> None:
    """Another server may have the name by now."""
    host, _ = running(keeping)
    run, wait = runner(keeping, tmp_path), ("--wait", "--timeout", "30")
    with keeping.client() as admin, obeying(keeping, host.obey):
        name = str(admin.get(SERVERS).json()["servers"][0]["name"])
        gone = run("delete", name, *wait)
        again = create(admin, keeping.image()).json()["server"]["id"]
        back = run("restore", name, *wait)
        missing = run("restore", name, code=1)

        assert (gone.stdout, back.stdout) == (f"{name} is SOFT_DELETED.\n", f"{name} is ACTIVE.\n")
        assert f"There is no SOFT_DELETED server '{name}'" in missing.stderr
        assert again in (each["id"] for each in admin.get(SERVERS, params={"name": f"^{name}$"}).json()["servers"])


def test_every_action_but_those_two_waits(keeping: ApiServer) -> None:
    host, server = running(keeping)
    with keeping.client(version="2.96") as admin:
        admin.delete(f"{SERVERS}/{server}").raise_for_status()
        host.obey()
        image = admin.get("/compute/v2.1/servers/" + server).json()["server"]["image"]["id"]
        names = ["os-start", "os-stop", "pause", "unpause", "suspend", "resume", "rescue", "unrescue", "shelve"]
        names += ["shelveOffload", "unshelve", "migrate", "confirmResize", "revertResize"]
        bodies: list[dict[str, object]] = [
            *[dict[str, object]({name: None}) for name in names],
            {"reboot": {"type": "HARD"}},
            {"rebuild": {"imageRef": image}},
            {"resize": {"flavorRef": "2"}},
            {"createImage": {"name": "kept"}},
            {"os-migrateLive": {"host": None, "block_migration": "auto"}},
            {"evacuate": {}},
            {"os-resetState": {"state": "active"}},
        ]
        answers = {next(iter(body)): admin.post(f"{SERVERS}/{server}/action", json=body) for body in bodies}
        console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        answers["console"] = admin.post(f"{SERVERS}/{server}/remote-consoles", json=console)
        answers["port"] = admin.post(f"{SERVERS}/{server}/os-interface", json={"interfaceAttachment": {}})
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 409} == {}


def test_lists_show_it_to_whom_asks_for_it(keeping: ApiServer) -> None:
    token = keeping.user("someone")
    _, server = running(keeping, token)
    with keeping.client(token, "2.96") as user, keeping.client(version="2.96") as admin:
        user.delete(f"{SERVERS}/{server}").raise_for_status()

        def listed(client, **query: str) -> list[str]:  # type: ignore[no-untyped-def]
            return [each["id"] for each in client.get(SERVERS, params=query).json()["servers"]]

        assert listed(user) == listed(admin, all_tenants="1") == []
        assert listed(user, status="soft_deleted") == [server]
        assert listed(user, vm_state="soft-delete") == [server]
        assert listed(user, **{"changes-since": "2020-01-01T00:00:00Z"}) == [server]
        everybody = {"all_tenants": "1"}
        assert listed(admin, deleted="true", **everybody) == [server]
        assert listed(admin, deleted="true", soft_deleted="false", **everybody) == []
        assert listed(admin, soft_deleted="true", **everybody) == [server]
        assert user.get(SERVERS, params={"soft_deleted": "true"}).status_code == 403


def test_a_restored_server_needs_a_free_instance(keeping: ApiServer) -> None:
    _, server = running(keeping)
    with keeping.client() as admin:
        project = admin.get(f"{SERVERS}/{server}").json()["server"]["tenant_id"]
        admin.delete(f"{SERVERS}/{server}").raise_for_status()
        admin.put(f"/compute/v2.1/os-quota-sets/{project}", json={"quota_set": {"instances": 0}}).raise_for_status()
        refused = admin.post(f"{SERVERS}/{server}/action", json={"restore": None})
    assert refused.status_code == 403 and "instances" in refused.text


def test_nobody_elses_server_is_restored_and_a_reader_restores_none(keeping: ApiServer) -> None:
    _, server = running(keeping)
    with keeping.client() as admin:
        admin.delete(f"{SERVERS}/{server}").raise_for_status()
    for token, expected in ((keeping.user("stranger"), 404), (keeping.user("reader", "reader"), 403)):
        with keeping.client(token) as other:
            for name in ("restore", "forceDelete"):
                assert other.post(f"{SERVERS}/{server}/action", json={name: None}).status_code == expected
