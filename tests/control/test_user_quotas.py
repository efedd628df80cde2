"""A user's own limits in a project hold, whatever is asked for and however many ask at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.control import groups, keypairs, quotas, user_quotas
from busway.control.identity.projects import delete_project
from busway.control.identity.users import delete_user
from busway.control.moves.begin_resize import resize_server
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.devices import attach_device
from busway.control.servers.labels import change_metadata
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.control.servers.soft_delete import restore_server
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BuswayError, OverQuota
from busway.domain.identity import Project, User
from busway.domain.ids import FlavorId, ProjectId, UserId
from busway.domain.requests import CreateServer, GivenFile
from busway.domain.server_group import GroupPolicy
from busway.store import projects, users
from busway.store import user_quotas as store
from busway.store.user_quotas import user_quotas as table
from tests.api.many import counted
from tests.api.test_keypairs import PUBLIC
from tests.control.clouds import ADMIN, Cloud

LAB = ProjectId("lab")
GPU = "pci_passthrough:a1"


def member(name: str) -> Caller:
    return Caller(UserId(f"id-of-{name}"), name, LAB, "lab", frozenset({"member", "reader"}))


ANN, BOB = member("ann"), member("bob")


@pytest.fixture
def lab(cloud: Cloud) -> Cloud:
    """A cloud with a project of two users."""
    with cloud.control.db.write() as tx:
        projects.add_project(tx, Project(LAB, "lab"))
        for each in (ANN, BOB):
            users.add_user(tx, User(each.user_id, each.user_name), "-")
    return cloud


def limit(cloud: Cloud, user: Caller, force: bool = True, **limits: int) -> None:
    named = {name.replace("gpus", GPU): number for name, number in limits.items()}
    user_quotas.set_user_quota(cloud.control, ADMIN, LAB, user.user_id, named, force=force)


def used(cloud: Cloud, user: Caller) -> dict[str, int]:
    return dict(user_quotas.get_user_quota(cloud.control, ADMIN, LAB, user.user_id).used)


def test_a_user_gets_no_more_than_their_limit_and_the_others_do(lab: Cloud) -> None:
    limit(lab, ANN, instances=2, cores=1)
    lab.create(gpu=False, caller=ANN)

    with pytest.raises(OverQuota) as caught:
        lab.create(gpu=False, caller=ANN)
    lab.create(gpu=False, caller=BOB, count=5)

    assert caught.value.brief == "Quota exceeded for cores of user ann in this project"
    assert "Requested 1 cores, but already used 1 of 1" in caught.value.detail
    assert "busway quota set --project PROJECT --user ann cores=2" in caught.value.remedy
    assert (used(lab, ANN)["instances"], used(lab, BOB)["instances"]) == (1, 5)


def test_the_project_s_limit_holds_for_a_user_with_more(lab: Cloud) -> None:
    quotas.set_quota(lab.control, ADMIN, LAB, {"instances": 1})
    limit(lab, ANN, instances=5)
    lab.create(gpu=False, caller=BOB)
    with pytest.raises(OverQuota) as caught:
        lab.create(gpu=False, caller=ANN)
    assert caught.value.brief == "Quota exceeded for instances"


def test_creates_of_two_users_at_once_never_go_over_a_limit_of_theirs_or_the_project_s(lab: Cloud) -> None:
    quotas.set_quota(lab.control, ADMIN, LAB, {GPU: 7})
    limit(lab, ANN, gpus=2)

    def attempt(number: int) -> tuple[str, bool]:
        user = (ANN, BOB)[number % 2]
        try:
            lab.create(caller=user)
        except OverQuota:
            return user.user_name, False
        return user.user_name, True

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(attempt, range(20)))

    assert answers == {("ann", True): 2, ("ann", False): 8, ("bob", True): 5, ("bob", False): 5}
    assert (used(lab, ANN)[GPU], used(lab, BOB)[GPU]) == (2, 5)


ACTS = st.tuples(
    st.sampled_from(["create", "create", "create gpu", "resize", "delete", "restore", "limit", "limit project"]),
    st.sampled_from([ANN, BOB]),
    st.integers(0, 4),
)


@pytest.mark.thorough
@given(st.lists(ACTS, max_size=15))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_succeeds_goes_over_a_limit(lab: Cloud, acts: list[tuple[str, Caller, int]]) -> None:
    lab.configure(reclaim_instance_interval=1000)
    host = lab.host(lab.control.new_id())
    large = replace(lab.plain, id=FlavorId("large"), vcpus=2)
    made: dict[Caller, list[str]] = {ANN: [], BOB: []}
    user_quotas.reset_user_quota(lab.control, ADMIN, LAB, ANN.user_id)
    quotas.reset_quota(lab.control, ADMIN, LAB)

    def perform(act: str, user: Caller, number: int) -> None:
        own = made[user]
        if act.startswith("create"):
            own += [server.id for server in lab.boot(gpu=act.endswith("gpu"), caller=user, count=number % 2 + 1)]
        elif act == "limit":
            limit(lab, user, instances=number, cores=number + 1, gpus=number - 1)
        elif act == "limit project":
            quotas.set_quota(lab.control, ADMIN, LAB, {"instances": number + 2, "cores": number + 3}, force=True)
        elif own:
            server_id = own[number % len(own)]
            if act == "resize":
                resize_server(lab.control, user, server_id, large, "req")
            elif act == "delete":
                delete_server(lab.control, user, server_id, "req")
            else:
                restore_server(lab.control, user, server_id, "req")
        host.obey()

    for act, user, number in acts:
        before = {each: used(lab, each) for each in made}
        try:
            perform(act, user, number)
        except BuswayError:
            assert {each: used(lab, each) for each in made} == before
            continue
        for each in made:
            quota = user_quotas.get_user_quota(lab.control, ADMIN, LAB, each.user_id)
            for name, most in quota.limits.items():
                assert most < 0 or quota.used[name] <= max(most, before[each].get(name, 0)), (act, name)
        whole = quotas.get_quota(lab.control, ADMIN, LAB)
        for name, amount in whole.used.items():
            parts = [used(lab, each).get(name, 0) for each in made]
            assert name.startswith("image") or amount == sum(parts), name
    for each, server_ids in made.items():
        for server_id in server_ids:
            try:
                delete_server(lab.control, each, server_id, "req", for_good=True)
            except BuswayError:
                continue
    host.obey()


def test_what_else_grows_is_the_server_s_user_s(lab: Cloud) -> None:
    lab.configure(reclaim_instance_interval=1000)
    host = lab.host("h1", count=2)
    [server] = lab.boot(caller=ANN)
    host.obey()
    limit(lab, ANN, cores=1, gpus=1, metadata_items=1, injected_files=0, instances=0)
    admin = replace(ADMIN, project_id=LAB)
    large = replace(lab.gpu_flavor, id=FlavorId("large"), vcpus=2)
    file = GivenFile("/etc/motd", "YWxwaGE=")
    pair = {"a": "1", "b": "2"}
    acts: dict[str, Callable[[], object]] = {
        "cores": lambda: resize_server(lab.control, admin, server.id, large, "r"),
        GPU: lambda: attach_device(lab.control, admin, server.id, "a1", "r"),
        "metadata_items": lambda: change_metadata(lab.control, admin, server.id, "createMetadata", lambda _: pair),
        "metadata_items of a rebuild": lambda: rebuild_server(
            lab.control, admin, server.id, Rebuild(lab.image, metadata=pair), "r"
        ),
        "injected_files": lambda: rebuild_server(lab.control, admin, server.id, Rebuild(lab.image, files=(file,)), "r"),
    }

    for name, act in acts.items():
        with pytest.raises(OverQuota, match=f"{name.split()[0]} of user ann"):
            act()
    delete_server(lab.control, ANN, server.id, "req")
    host.obey()
    with pytest.raises(OverQuota, match="instances of user ann"):
        restore_server(lab.control, ANN, server.id, "req")


def test_groups_members_keys_and_metadata_are_counted_by_user(lab: Cloud) -> None:
    limit(lab, ANN, server_groups=1, server_group_members=1, key_pairs=1, metadata_items=1)
    group = groups.create_group(lab.control, ANN, "g", GroupPolicy.ANTI_AFFINITY)
    wish = CreateServer("s", lab.plain, lab.image, hints={"group": group.id})

    create_servers(lab.control, BOB, wish, "req")
    groups.create_group(lab.control, BOB, "h", GroupPolicy.AFFINITY)
    create_servers(lab.control, ANN, wish, "req")
    keypairs.import_keypair(lab.control, ANN, "one", PUBLIC)
    refused: dict[str, Callable[[], object]] = {
        "server_groups": lambda: groups.create_group(lab.control, ANN, "i", GroupPolicy.AFFINITY),
        "server_group_members": lambda: create_servers(lab.control, ANN, wish, "req"),
        "key_pairs": lambda: keypairs.import_keypair(lab.control, ANN, "two", PUBLIC),
        "metadata_items": lambda: create_servers(
            lab.control, ANN, replace(wish, hints={}, metadata={"a": "1", "b": "2"}), "req"
        ),
    }

    for name, act in refused.items():
        with pytest.raises(OverQuota, match=f"{name} of user ann"):
            act()
    assert (used(lab, ANN)["server_groups"], used(lab, BOB)["server_groups"]) == (1, 1)


def test_a_user_s_limit_costs_one_statement_of_accepting_a_server(lab: Cloud) -> None:
    quotas.set_quota(lab.control, ADMIN, LAB, {"instances": 90, "cores": 90, "ram": 90_000})
    limit(lab, ANN, instances=80, cores=80, ram=80_000)
    wish = CreateServer("s", lab.plain, lab.image)
    costs = []
    create_servers(lab.control, ANN, wish, "req")
    for user in (BOB, ANN):
        with counted(lab.control.db) as work:
            create_servers(lab.control, user, wish, "req")
        costs.append(len(work.statements))
    assert costs[1] - costs[0] == 1


def test_limits_of_users_are_at_most_the_project_s_but_by_force(lab: Cloud) -> None:
    quotas.set_quota(lab.control, ADMIN, LAB, {"instances": 10, "key_pairs": 5})
    limit(lab, BOB, force=False, instances=4, key_pairs=5)

    for limits, words in (
        ({"instances": 7}, "less than or equal to 6"),
        ({"instances": -1}, "less than or equal to 6"),
        ({"key_pairs": 6}, "less than or equal to 5"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            limit(lab, ANN, force=False, **limits)
        assert caught.value.code == "quota-above-project"
    limit(lab, ANN, force=False, instances=6, key_pairs=5, cores=500)
    limit(lab, ANN, force=False, instances=5)  # its own limit does not count
    limit(lab, ANN, instances=6)
    for lower in ({"instances": 9}, {"key_pairs": 4}):
        with pytest.raises(BadInput) as refused:
            quotas.set_quota(lab.control, ADMIN, LAB, lower)
        assert refused.value.code == "quota-below-users"
    quotas.set_quota(lab.control, ADMIN, LAB, {"instances": 9}, force=True)
    limit(lab, ANN, instances=50)
    assert user_quotas.get_user_quota(lab.control, ADMIN, LAB, ANN.user_id).limits["instances"] == 50


def test_what_no_user_has_is_refused(lab: Cloud) -> None:
    lab.create(gpu=False, caller=ANN, count=2)
    for limits, code in (
        ({"image_count_total": 1}, "quota-not-of-users"),
        ({"port": 1}, "quota-not-of-users"),
        ({"typo": 1}, "quota-resource"),
        ({"instances": -2}, "quota-limit"),
        ({"instances": 1}, "quota-below-use"),
    ):
        with pytest.raises(BadInput) as caught:
            limit(lab, ANN, force=False, **limits)
        assert caught.value.code == code
    with pytest.raises(BadInput, match="not a valid user"):
        user_quotas.set_user_quota(lab.control, ADMIN, LAB, "nobody", {"instances": 1})
    shown = user_quotas.get_user_quota(lab.control, ADMIN, LAB, ANN.user_id)
    assert not any(name.startswith("image") for name in shown.limits)


def test_limits_go_with_their_user_project_and_the_project_s_own(lab: Cloud) -> None:
    def rows() -> int:
        with lab.control.db.read() as tx:
            return len(tx.execute(table.select()).all())

    limit(lab, ANN, instances=2, cores=2)
    limit(lab, BOB, instances=2)
    user_quotas.reset_user_quota(lab.control, ADMIN, LAB, BOB.user_id)
    assert rows() == 2
    quotas.reset_quota(lab.control, ADMIN, LAB)
    assert rows() == 0
    limit(lab, ANN, instances=2)
    limit(lab, BOB, instances=2)
    delete_user(lab.control, ADMIN, ANN.user_id)
    assert rows() == 1
    delete_project(lab.control, ADMIN, LAB)
    assert rows() == 0


def test_what_users_are_given_is_a_sum_where_amounts_add_up(lab: Cloud) -> None:
    with lab.control.db.write() as tx:
        store.set_user_limits(tx, LAB, ANN.user_id, {"cores": 3, "key_pairs": 3, "ram": -1})
        store.set_user_limits(tx, LAB, BOB.user_id, {"cores": 4, "key_pairs": 4})
        assert store.given_to_users(tx, LAB) == {"cores": 7, "key_pairs": 4}
        assert store.given_to_users(tx, LAB, BOB.user_id) == {"cores": 3, "key_pairs": 3}
