"""What is asked of a host about its guest, through the whole chain, and what other services and guests tell of a server."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from busway.agent.credential import Credential
from busway.agent.link import HttpLink
from busway.agent.remote_consoles import RemoteConsoles
from busway.control.identity.vault import sealer
from busway.control.placement.place import place_round
from busway.control.servers import questions
from busway.domain.errors import BadInput, Conflict, HostError
from busway.domain.guest_machine import Machine
from busway.domain.guest_machine.machine import MachineWord
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ServerId
from busway.domain.question import PASSWORD, HostQuestion
from busway.hypervisor import GuestFiles, GuestOptions, domain_xml
from busway.store import questions as store
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.stage import desired_server
from tests.api.serving import ApiServer, as_agent
from tests.api.test_clients import Clients
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host

EVENTS = "/compute/v2.1/os-server-external-events"


AGENT = {"hw_qemu_guest_agent": "yes", "os_admin_user": "debian"}


@pytest.fixture
def properties() -> dict[str, str]:
    """Those of the server's image."""
    return AGENT


@pytest.fixture
def host(api_server: ApiServer) -> Host:
    return api_server.host()


@pytest.fixture
def server(api_server: ApiServer, host: Host, properties: dict[str, str]) -> str:
    """A server that runs on a host."""
    host.resources = replace(host.resources, machine=(MachineWord.MACHINE,))
    host.report()
    made = create(api_server.client(), api_server.image(**properties)).json()["server"]["id"]
    place_round(api_server.control)
    host.report([ServerId(made)])
    return str(made)


@pytest.fixture
def link(api_server: ApiServer, server: str) -> Iterator[HttpLink]:
    token = as_agent(api_server, "host1", rotate=True)["Authorization"].removeprefix("Bearer ")
    link = HttpLink(Credential(url=api_server.url, host="host1", token=token))
    yield link
    link.close()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hypervisor's, with the guest's console in the file l."""
    return tmp_path_factory.mktemp("g")


@pytest.fixture
def guest(server: str, link: HttpLink, folder: Path) -> Iterator[FakeHypervisor]:
    """The hypervisor of the host, whose agent answers."""
    hypervisor = FakeHypervisor(folder)
    files = GuestFiles(folder / "d", folder / "c", folder / "l")
    hypervisor.define(domain_xml(desired_server(ServerId(server)), files, GuestOptions(bridges={"default": "br0"})))
    hypervisor.start(ServerId(server))
    with RemoteConsoles(link, hypervisor, "host1", structlog.get_logger("test")).running():
        yield hypervisor


@pytest.mark.usefixtures("guest")
def test_diagnostics_are_what_the_hypervisor_counts(api_server: ApiServer, server: str) -> None:
    wanted = desired_server(ServerId(server))

    old = api_server.client(version="2.47").get(f"{SERVERS}/{server}/diagnostics").json()
    new = api_server.client(version="2.48").get(f"{SERVERS}/{server}/diagnostics").json()

    assert (old["memory"], old["cpu0_time"]) == (wanted.ram_mb * 1024, 0)
    assert "vda_read" in old
    assert (new["state"], new["num_cpus"], new["num_nics"]) == ("running", wanted.vcpus, len(wanted.nics))
    assert new["memory_details"] == {"maximum": wanted.ram_mb, "used": wanted.ram_mb}
    assert [nic["mac_address"] for nic in new["nic_details"]] == [nic.mac for nic in wanted.nics]
    assert new["disk_details"][0]["read_bytes"] is None, "a guest of the fake has moved nothing"


def test_what_the_hypervisor_refuses_is_told_in_its_words(
    api_server: ApiServer, server: str, guest: FakeHypervisor
) -> None:
    guest.refusals["diagnostics"] = HostError("libvirt could not", detail="its words", code="libvirt-refused")

    answer = api_server.client().get(f"{SERVERS}/{server}/diagnostics")

    assert answer.status_code == 409
    assert "libvirt could not" in answer.text


def test_a_host_that_does_not_answer_is_waited_for_a_while_only(
    api_server: ApiServer, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()

    answer = api_server.client().get(f"{SERVERS}/{server}/diagnostics")

    assert answer.status_code == 503, answer.text
    assert time.monotonic() - began < 10
    with api_server.control.db.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM host_questions").scalar() == 0


def test_a_few_wait_for_hosts_and_the_others_are_told_so_at_once(
    api_server: ApiServer, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "_PLACES", threading.BoundedSemaphore(1))
    questions._PLACES.acquire()

    answer = api_server.client().get(f"{SERVERS}/{server}/diagnostics")

    assert answer.status_code == 503
    assert "wait for answers of hosts already" in answer.text


def test_one_project_leaves_some_of_the_places_to_others(
    api_server: ApiServer, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "ANSWER_SECONDS", 0.3)
    project = api_server.client().get(f"{SERVERS}/{server}").json()["server"]["tenant_id"]
    monkeypatch.setattr(questions, "_WAITING", Counter({project: questions.MOST_OF_PROJECT}))

    refused = api_server.client().get(f"{SERVERS}/{server}/diagnostics")
    questions._WAITING.clear()
    asked = api_server.client().get(f"{SERVERS}/{server}/diagnostics")

    assert (refused.status_code, asked.status_code) == (503, 503)
    assert "of this project wait for answers" in refused.text
    assert "does not answer" in asked.text
    assert not questions._WAITING


def test_only_admins_ask_and_only_of_guests_that_run(api_server: ApiServer, server: str) -> None:
    member = api_server.client(api_server.user("m"))
    admin = api_server.client()
    building = create(admin, api_server.image()).json()["server"]["id"]

    assert member.get(f"{SERVERS}/{server}/diagnostics").status_code == 403
    assert admin.get(f"{SERVERS}/{building}/diagnostics").status_code == 409


def test_a_password_is_set_by_the_agent_in_the_guest(
    api_server: ApiServer, server: str, link: HttpLink, tmp_path: Path
) -> None:
    admin, hypervisor = api_server.client(), FakeHypervisor(tmp_path)
    files = GuestFiles(tmp_path / "d", tmp_path / "c", tmp_path / "l")
    wanted = replace(desired_server(ServerId(server)), machine=Machine(guest_agent=True))
    hypervisor.define(domain_xml(wanted, files, GuestOptions(bridges={"default": "br0"})))
    hypervisor.start(ServerId(server))
    path, body = f"{SERVERS}/{server}/action", {"changePassword": {"adminPass": "n3w-s3cret"}}

    with RemoteConsoles(link, hypervisor, "host1", structlog.get_logger("test")).running():
        done = admin.post(path, json=body)
        hypervisor.refusals["ask_guest"] = HostError("The agent is silent", code="libvirt-refused")
        refused = admin.post(path, json=body)

    assert (done.status_code, refused.status_code) == (202, 409), (done.text, refused.text)
    assert "another password of debian" in (tmp_path / "l").read_text()
    acts = admin.get(f"{SERVERS}/{server}/os-instance-actions").json()["instanceActions"][:2]
    assert [act["action"] for act in acts] == ["changePassword"] * 2
    assert "The agent is silent" in acts[0]["message"], "who looks later reads that it failed"
    assert acts[1]["message"] is None


def test_a_guest_gets_the_interrupt_at_which_it_writes_a_crash_dump(
    api_server: ApiServer, server: str, guest: FakeHypervisor, folder: Path
) -> None:
    admin, body = api_server.client(version="2.17"), {"trigger_crash_dump": None}
    path = f"{SERVERS}/{server}/action"

    done = admin.post(path, json=body)
    guest.refusals["inject_nmi"] = HostError("libvirt could not", code="libvirt-refused")
    refused = admin.post(path, json=body)

    assert (done.status_code, refused.status_code) == (202, 409), (done.text, refused.text)
    assert "got a non-maskable interrupt" in (folder / "l").read_text()
    acts = admin.get(f"{SERVERS}/{server}/os-instance-actions").json()["instanceActions"][:2]
    assert [act["action"] for act in acts] == ["trigger_crash_dump"] * 2
    assert "libvirt could not" in acts[0]["message"]


def test_crash_dumps_are_of_guests_that_run_and_of_their_microversion(
    api_server: ApiServer, host: Host, server: str
) -> None:
    host.report(off=[ServerId(server)])
    path, body = f"{SERVERS}/{server}/action", {"trigger_crash_dump": None}

    assert api_server.client(version="2.17").post(path, json=body).status_code == 409
    assert api_server.client(version="2.17").post(path, json={"trigger_crash_dump": {}}).status_code == 400
    old = api_server.client(version="2.16").post(path, json=body)
    assert (old.status_code, old.headers["x-busway-error-code"]) == (400, "no-such-action")


@pytest.mark.usefixtures("guest")
def test_a_host_tells_its_users_and_load_when_it_is_asked(api_server: ApiServer, host: Host, server: str) -> None:
    """As the client reads it (openstackclient/compute/v2/hypervisor.py)."""
    admin = api_server.client(version="2.88")
    booted = int(api_server.control.now().timestamp()) - 60
    path = "/compute/v2.1/os-hypervisors"
    words = re.compile(r"\s*(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)")

    def told(*acts: GuestAct) -> tuple[str, str]:
        host.resources = replace(host.resources, booted=booted, acts=acts)
        host.report([ServerId(server)])
        [one] = admin.get(f"{path}/detail").json()["hypervisors"]
        return str(admin.get(f"{path}/{one['id']}").json()["hypervisor"]["uptime"]), str(one["uptime"])

    asked, listed = told(GuestAct.UPTIME)
    of_older, _ = told()

    assert words.match(asked), asked
    assert not words.match(listed) and listed.endswith(" up  0:01"), "a list asks no host"
    assert of_older.endswith(" up  0:01")


@pytest.mark.clients
@pytest.mark.usefixtures("guest")
def test_the_client_asks_for_a_crash_dump_and_reads_users_and_load(
    api_server: ApiServer, host: Host, server: str, folder: Path, tmp_path: Path
) -> None:
    clients = Clients(api_server, tmp_path)
    host.resources = replace(host.resources, booted=1, acts=(GuestAct.UPTIME,))
    host.report([ServerId(server)])

    shown = clients.read("hypervisor", "show", "host1")
    clients.openstack("server", "dump", "create", server)

    assert all(shown[name] for name in ("host_time", "uptime", "users", "load_average"))
    assert "got a non-maskable interrupt" in (folder / "l").read_text()


def test_a_password_is_never_stored_in_clear(api_server: ApiServer, link: HttpLink) -> None:
    control, seen = api_server.control, []
    question = "00000000-0000-4000-8000-0000000000aa"

    def stored() -> str:
        with control.db.read() as tx:
            return str(tx.exec_driver_sql("SELECT secret FROM host_questions").scalar())

    sealed = sealer(control).seal("n3w-s3cret", question)
    with control.db.write() as tx:
        host_id = tx.exec_driver_sql("SELECT id FROM hosts").scalar_one()
        asked = HostQuestion(question, ServerId("s"), PASSWORD, "root", sealed)
        store.add_question(tx, host_id, asked, control.now(), control.now())
    seen = [each.secret for each in link.fetch_console_calls(0) if isinstance(each, HostQuestion)]

    assert seen == ["n3w-s3cret"]
    assert "n3w" not in stored() and "n3w" not in repr(asked)


@pytest.mark.parametrize("properties", [{}])
def test_a_guest_without_an_agent_keeps_its_password(api_server: ApiServer, server: str) -> None:
    answer = api_server.client().post(f"{SERVERS}/{server}/action", json={"changePassword": {"adminPass": "x"}})

    assert answer.status_code == 409
    assert "hw_qemu_guest_agent" in answer.text


def test_a_password_is_posted_once_read_and_cleared(api_server: ApiServer, server: str, link: HttpLink) -> None:
    admin, path = api_server.client(), f"{SERVERS}/{server}/os-server-password"
    assert admin.get(path).json() == {"password": ""}

    link.post_password(ServerId(server), "c2VhbGVk")

    assert admin.get(path).json() == {"password": "c2VhbGVk"}
    with pytest.raises(Conflict):
        link.post_password(ServerId(server), "another")
    assert admin.delete(path).status_code == 204
    link.post_password(ServerId(server), "another")
    assert admin.get(path).json() == {"password": "another"}


def test_a_password_that_is_none_or_of_another_hosts_server_is_refused(server: str, link: HttpLink) -> None:
    for wrong in ("", "x" * 1021, "a\nb"):
        with pytest.raises(BadInput):
            link.post_password(ServerId(server), wrong)
    with pytest.raises(Exception, match="not on this host"):
        link.post_password(ServerId("00000000-0000-4000-8000-000000000000"), "c2VhbGVk")


def test_an_event_of_networks_has_the_host_look_again(api_server: ApiServer, server: str) -> None:
    admin = api_server.client(version="2.51")
    changed = {"name": "network-changed", "server_uuid": server}
    gone = {"name": "network-changed", "server_uuid": "00000000-0000-4000-8000-000000000000"}
    volume = {"name": "volume-extended", "server_uuid": server, "tag": "v"}

    def generation() -> int:
        with api_server.control.db.read() as tx:
            return int(tx.exec_driver_sql("SELECT generation FROM hosts").scalar_one())

    before = generation()
    one = admin.post(EVENTS, json={"events": [changed]})
    after = generation()
    mixed = admin.post(EVENTS, json={"events": [changed, gone, volume]})

    assert (one.status_code, one.json()) == (200, {"events": [{**changed, "status": "completed", "code": 200}]})
    assert after == before + 1
    assert mixed.status_code == 207
    assert [each["code"] for each in mixed.json()["events"]] == [200, 404, 400]
    assert admin.post(EVENTS, json={"events": [gone]}).status_code == 404
    member = api_server.client(api_server.user("m"))
    assert member.post(EVENTS, json={"events": [changed]}).status_code == 403
