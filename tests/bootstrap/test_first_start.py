"""The first start makes one admin and tells the user how to be it; a crash on the way costs nothing."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import text

from busway.bootstrap.admin import ensure_admin
from busway.bootstrap.config import read_config
from busway.bootstrap.serve import build_control, served
from busway.cli.main import main
from busway.control import flavors, networks
from busway.control.context import Control
from busway.control.identity.proof import Credentials
from busway.control.identity.tokens import Scope, issue_token
from busway.domain.errors import InvalidConfig, NotAuthenticated
from busway.store import servers
from busway.store.database import Database
from busway.store.schema import FIRST, differences, upgrade
from tests.control.clouds import ADMIN
from tests.store.revisions import fill


@contextmanager
def control(state: Path, database: Path | None = None, **overrides: object) -> Iterator[Control]:
    config = state.parent / "busway.conf"
    config.write_text(f"[database]\nconnection = sqlite:///{database or state / 'busway.db'}\n")
    made = build_control(read_config(config, state_path=state, **overrides))
    yield made
    made.db.close()


def password(clouds: Path) -> str:
    return str(yaml.safe_load(clouds.read_text())["clouds"]["busway"]["auth"]["password"])


def log_in(made: Control, secret: str) -> None:
    issue_token(made, Credentials(("password",), user="admin", password=secret), Scope(project_name="admin"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_writes_credentials_that_work_and_only_their_owner_reads(tmp_path: Path) -> None:
    with control(tmp_path / "state") as made:
        clouds = ensure_admin(made)
        log_in(made, password(clouds))
        assert password(clouds) in clouds.with_name("openrc").read_text()
    for name in ("clouds.yaml", "openrc", "busway.db"):
        assert mode(tmp_path / "state" / name) == 0o600
    assert mode(tmp_path / "state") == 0o700


def test_later_starts_keep_the_password_and_the_operators_flavors(tmp_path: Path) -> None:
    with control(tmp_path / "state") as made:
        secret = password(ensure_admin(made))
        flavors.delete_flavor(made, ADMIN, "1")
    with control(tmp_path / "state") as made:
        assert password(ensure_admin(made)) == secret
        log_in(made, secret)
        assert "m1.tiny" not in {flavor.name for flavor in flavors.list_flavors(made, ADMIN)}


def test_a_crash_after_the_file_and_before_the_database_is_mended_by_the_next_start(tmp_path: Path) -> None:
    with control(tmp_path / "old") as made:
        clouds = ensure_admin(made)
    (tmp_path / "state").mkdir()
    clouds.rename(tmp_path / "state" / "clouds.yaml")
    with control(tmp_path / "state") as made:
        log_in(made, password(ensure_admin(made)))


def test_a_second_control_process_on_the_same_database_writes_no_credentials(tmp_path: Path) -> None:
    with control(tmp_path / "one") as made:
        secret = password(ensure_admin(made))
    with control(tmp_path / "two", tmp_path / "one" / "busway.db") as made:
        assert not ensure_admin(made).exists()
        log_in(made, secret)
        with pytest.raises(NotAuthenticated):
            log_in(made, "another")


def test_the_network_follows_its_options_at_each_start(tmp_path: Path) -> None:
    with control(tmp_path / "state") as made:
        ensure_admin(made)
    with control(tmp_path / "state", network_last="10.66.0.150") as made:
        ensure_admin(made)
        assert [network.v4 and network.v4.pools for network in networks.list_networks(made, ADMIN)] == [
            (("10.66.0.10", "10.66.0.150"),)
        ]


def test_a_port_that_is_taken_is_told_before_anything_is_written(tmp_path: Path) -> None:
    first = read_config(None, state_path=tmp_path / "one", port=0)
    with served(first) as running:
        port = int(running.url.rpartition(":")[2])
        second = served(read_config(None, state_path=tmp_path / "two", port=port))
        with pytest.raises(InvalidConfig, match=f"Can't listen on 127.0.0.1:{port}") as caught:
            second.__enter__()
    assert caught.value.code == "port-in-use"
    assert not (tmp_path / "two").exists()


@pytest.mark.thorough
def test_a_start_brings_a_database_of_before_to_the_newest_schema_with_all_that_is_in_it(tmp_path: Path) -> None:
    old = Database(f"sqlite:///{tmp_path / 'old.db'}")
    written = fill(old, FIRST)
    old.close()

    with control(tmp_path / "state", tmp_path / "old.db") as made, made.db.read() as tx:
        assert differences(tx) == []
        assert len(servers.list_servers(tx)) + len(servers.list_servers(tx, deleted=True)) == len(written["servers"])


def test_a_start_on_a_database_of_a_newer_busway_is_refused(tmp_path: Path) -> None:
    newer = Database(f"sqlite:///{tmp_path / 'newer.db'}")
    upgrade(newer)
    with newer.write() as tx:
        tx.execute(text("UPDATE schema_revision SET version_num = 'of_the_future'"))
    newer.close()

    with pytest.raises(InvalidConfig, match="newer Busway"), control(tmp_path / "state", tmp_path / "newer.db"):
        pass


@pytest.mark.thorough
def test_recover_gives_the_admin_a_new_password_and_ends_what_the_old_one_made(tmp_path: Path) -> None:
    with control(tmp_path / "state") as made:
        clouds = ensure_admin(made)
        old = password(clouds)
        log_in(made, old)
        with made.db.write() as tx:  # locked out: no role, and the user disabled
            tx.execute(text("DELETE FROM assignments"))
            tx.execute(text("UPDATE users SET enabled = 0"))
    config = str(tmp_path / "busway.conf")
    done = CliRunner().invoke(main, ["admin", "recover", "--config", config, "--state", str(tmp_path / "state")])

    with control(tmp_path / "state") as made:
        log_in(made, password(clouds))
        with pytest.raises(NotAuthenticated):
            log_in(made, old)
        with made.db.read() as tx:
            told = tx.execute(text("SELECT operation, user_name FROM audit ORDER BY id")).all()
    assert (done.exit_code, "has a new password" in done.output) == (0, True), done.output
    assert old != password(clouds)
    assert ("identity:recover_admin" in {operation for operation, _ in told}, mode(clouds)) == (True, 0o600)
