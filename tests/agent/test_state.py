from pathlib import Path

import pytest

from busway.agent.credential import read_credential
from busway.agent.held import HeldRecord
from busway.agent.record import Moment, ServerRecord
from busway.agent.state import StateFolder
from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, Conflict, HostError, InvalidConfig
from busway.domain.grant import Fault
from busway.domain.ids import ServerId, UnitName
from busway.hardware.handover import Before
from busway.testing.stage import ONE, held_function

GPU = PciAddress("0001:41:00.0")
NAME = UnitName(str(GPU))


def test_a_record_outlives_the_agent(tmp_path: Path) -> None:
    record = ServerRecord(2, 1, "abc", Moment("boot", 12.5), Fault("StartDomain", "no"), "digest")

    StateFolder(tmp_path).write_record(ONE, record)

    assert StateFolder(tmp_path).record(ONE) == record


def test_a_held_device_outlives_the_agent(tmp_path: Path) -> None:
    held = held_function(GPU, ONE, None, Fault("GiveBackDevice", "no"))
    record = HeldRecord(held, Before(None, "nouveau", "boot"))
    StateFolder(tmp_path).held.write(record)

    assert StateFolder(tmp_path).held.list() == ((record,), {})

    StateFolder(tmp_path).held.remove(held.unit.name)
    assert StateFolder(tmp_path).held.list() == ((), {})


def test_a_record_of_an_older_agent_is_read(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    (tmp_path / f"held/{GPU}.json").write_text(f'{{"server_id": "{ONE}", "previous_driver": "nouveau", "fault": null}}')

    assert state.held.find(NAME) == HeldRecord(held_function(GPU, ONE, "nouveau"), Before("nouveau"))


def test_a_torn_file_is_not_taken_for_none(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.write_record(ONE, ServerRecord(starts=1))
    (state.folder(ONE) / "server.json").write_text('{"starts": ')
    (tmp_path / f"held/{GPU}.json").write_text("")

    with pytest.raises(HostError) as caught:
        state.record(ONE)
    records, unreadable = state.held.list()

    assert (caught.value.code, records) == ("record-unreadable", ())
    assert {address: error.code for address, error in unreadable.items()} == {NAME: "record-unreadable"}


def test_what_is_not_there_is_a_fresh_record(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)

    assert (state.record(ONE), state.held.find(NAME), state.disks(ONE)) == (ServerRecord(), None, frozenset())


@pytest.mark.parametrize("name", ["../../etc", "", "a/b", ".", "..", "x" * 200])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        StateFolder(tmp_path).remove(ServerId(name))


def test_a_second_agent_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    StateFolder(tmp_path).lock()

    with pytest.raises(Conflict, match=r"Another agent \(pid [0-9]+\)"):
        StateFolder(tmp_path).lock()


def test_a_credential_is_read_and_its_token_is_in_no_repr(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_text('{"url": "http://c:8774", "host": "h", "token": "s3cret"}')
    path.chmod(0o600)

    credential = read_credential(path)

    assert (credential.url, credential.host, credential.token) == ("http://c:8774", "h", "s3cret")
    assert "s3cret" not in repr(credential)


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [("{}", 0o600, "credential-form"), ('{"url":"u","host":"h","token":"t"}', 0o644, "credential-mode")],
)
def test_a_credential_that_is_open_or_damaged_is_refused(tmp_path: Path, content: str, mode: int, code: str) -> None:
    path = tmp_path / "agent.json"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(InvalidConfig) as caught:
        read_credential(path)

    assert caught.value.code == code


def test_a_missing_credential_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="can't be read"):
        read_credential(tmp_path / "none")
