"""A process remembers who is behind a token, and the next request heeds every change of rights."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest
from sqlalchemy import text, update

from busway.control.identity import bearers
from busway.control.identity.bearer import authenticate, digest
from busway.control.identity.bearers import BearerMemory
from busway.domain.errors import NotAuthenticated
from busway.store.database import Database
from busway.store.identity_tokens import Bearer, find_bearer
from busway.store.rights_changes import OF_NO_RIGHTS
from busway.store.schema import load_tables
from busway.store.users import users
from tests.api.many import counted
from tests.api.serving import ApiServer
from tests.sample import one_in

CHANGES: dict[str, Callable[[httpx.Client, str, str], httpx.Response]] = {
    "a disabled user": lambda admin, user, _project: admin.patch(
        f"/identity/v3/users/{user}", json={"user": {"enabled": False}}
    ),
    "a disabled project": lambda admin, _user, project: admin.patch(
        f"/identity/v3/projects/{project}", json={"project": {"enabled": False}}
    ),
    "a role that is taken": lambda admin, user, project: admin.delete(
        f"/identity/v3/projects/{project}/users/{user}/roles/{_role(admin)}"
    ),
    "a deleted user": lambda admin, user, _project: admin.delete(f"/identity/v3/users/{user}"),
}


def _role(admin: httpx.Client) -> str:
    return next(str(each["id"]) for each in admin.get("/identity/v3/roles").json()["roles"] if each["name"] == "member")


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Someone:
    """A member with a token, and what the token is of."""

    client: httpx.Client
    secret: str
    user: str
    project: str


@pytest.fixture
def someone(api_server: ApiServer) -> Someone:
    secret = api_server.user("m")
    caller = authenticate(api_server.control, secret)
    return Someone(api_server.client(secret), secret, str(caller.user_id), str(caller.project_id))


def test_the_second_request_asks_nothing_about_its_token(api_server: ApiServer, someone: Someone) -> None:
    someone.client.get("/compute/v2.1/flavors").raise_for_status()

    with counted(api_server.control.db) as work:
        someone.client.get("/compute/v2.1/flavors").raise_for_status()

    assert not [each for each in work.statements if "tokens" in each], work.statements


@pytest.mark.parametrize("change", CHANGES)
def test_the_request_after_a_change_of_rights_is_refused(api_server: ApiServer, someone: Someone, change: str) -> None:
    assert someone.client.get("/compute/v2.1/servers").status_code == 200

    CHANGES[change](api_server.client(), someone.user, someone.project).raise_for_status()

    assert someone.client.get("/compute/v2.1/servers").status_code == 401


def test_a_token_that_is_revoked_is_refused_at_once(someone: Someone) -> None:
    assert someone.client.get("/compute/v2.1/servers").status_code == 200

    someone.client.delete("/identity/v3/auth/tokens", headers={"X-Subject-Token": someone.secret}).raise_for_status()

    assert someone.client.get("/compute/v2.1/servers").status_code == 401


def test_a_token_that_expires_while_it_is_remembered_is_refused(api_server: ApiServer, someone: Someone) -> None:
    known = api_server.control.bearers.find(digest(someone.secret))
    assert known is not None
    late = replace(api_server.control, now=lambda: known.expires)

    with pytest.raises(NotAuthenticated, match="expired"):
        authenticate(late, someone.secret)


def test_another_process_is_believed_for_some_seconds_only(api_server: ApiServer, someone: Someone) -> None:
    clock = Clock()
    other = replace(api_server.control, db=Database(str(api_server.control.db.url)), bearers=BearerMemory(clock))
    authenticate(other, someone.secret)
    with api_server.control.db.write() as tx:
        tx.execute(update(users).where(users.c.id == someone.user).values(enabled=False))
    with pytest.raises(NotAuthenticated):
        authenticate(api_server.control, someone.secret)

    clock.seconds = bearers.SECONDS

    with pytest.raises(NotAuthenticated):
        authenticate(other, someone.secret)
    other.db.close()


def _found(api_server: ApiServer, someone: Someone) -> Bearer:
    with api_server.control.db.read() as tx:
        found = find_bearer(tx, digest(someone.secret))
    assert found is not None
    return found


def test_what_was_read_before_a_change_is_not_kept_after_it(api_server: ApiServer, someone: Someone) -> None:
    memory = BearerMemory()
    before, found = memory.epoch, _found(api_server, someone)

    memory.forget()
    memory.keep("digest", found, before)

    assert memory.find("digest") is None


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    api_server: ApiServer, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearers, "MOST", 3)
    memory, found = BearerMemory(), _found(api_server, someone)

    for number in range(5):
        memory.keep(str(number), found, memory.epoch)

    assert [number for number in range(5) if memory.find(str(number))] == [2, 3, 4]


@pytest.mark.parametrize("table", one_in(5, sorted(load_tables().tables)))
def test_a_write_to_any_table_that_rights_may_follow_from_is_noted(api_server: ApiServer, table: str) -> None:
    heard: list[int] = []
    db = Database(str(api_server.control.db.url))
    db.on_rights(lambda: heard.append(1))
    column = next(iter(load_tables().tables[table].c))

    with db.write() as tx:
        tx.execute(update(load_tables().tables[table]).where(column != column).values({column.name: column}))

    assert bool(heard) is (table not in OF_NO_RIGHTS)
    db.close()


def test_a_statement_in_words_is_noted_and_a_transaction_that_fails_is_not(api_server: ApiServer) -> None:
    heard: list[int] = []
    db = Database(str(api_server.control.db.url))
    db.on_rights(lambda: heard.append(1))

    with pytest.raises(RuntimeError), db.write() as tx:
        tx.execute(update(users).where(users.c.id == "nobody").values(enabled=False))
        raise RuntimeError
    with db.write():
        pass
    assert heard == []
    with db.write() as tx:
        tx.execute(text("UPDATE users SET enabled = enabled WHERE 1 = 0"))

    assert heard == [1]
    db.close()


def test_many_threads_never_see_rights_of_before_a_change(api_server: ApiServer, someone: Someone) -> None:
    """Readers that overlap with the change may answer either way; those that begin after it may not."""
    changed, wrong = threading.Event(), []

    def read() -> None:
        while True:
            after = changed.is_set()
            try:
                authenticate(api_server.control, someone.secret)
            except NotAuthenticated:
                return
            if after:
                wrong.append(1)
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    with api_server.control.db.write() as tx:
        tx.execute(update(users).where(users.c.id == someone.user).values(enabled=False))
    changed.set()
    for thread in threads:
        thread.join(30)

    assert wrong == []
