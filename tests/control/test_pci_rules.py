"""Aliases and device specs of run time: what is in force, for whom, and since when."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control.context import Control
from busway.control.placement.place import place_round
from busway.control.placement.snapshot import take_snapshot
from busway.control.rules import aliases, device_specs
from busway.control.rules.change import changing_rules
from busway.control.rules.in_force import PciRules, RulesCache
from busway.control.servers.create import create_servers
from busway.domain.alias import parse_aliases
from busway.domain.device_spec import parse_device_specs
from busway.domain.errors import BadInput, BuswayError, Conflict, Forbidden, InvalidAlias, NotFound
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from busway.store import pci_rules as store
from busway.store.database import take_turn
from busway.store.pci_rules import AliasRow
from tests.control.clouds import ADMIN, ALIAS, SPEC, USER, Cloud, gpu
from tests.store.turns import until_someone_waits

T4 = '{"name": "t4", "vendor_id": "10de", "product_id": "1eb8"}'
T4_PF = '{"name": "t4", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PF"}'
NVIDIA = '{"vendor_id": "10de"}'
EVERY_GPU = '{"vendor_id": "1234", "product_id": "1111", "managed": "no"}'


def other_process(control: Control, **changes: object) -> Control:
    """Another control plane on the same database, with a memory of its own."""
    return replace(control, rules_cache=RulesCache(), settings=replace(control.settings, **changes))  # type: ignore[arg-type]


def in_force(control: Control) -> PciRules:
    with control.db.read() as tx:
        return control.pci_rules(tx)


def boot(cloud: Cloud, control: Control, alias: str) -> ServerStatus:
    flavor = replace(cloud.gpu_flavor, extra_specs={"pci_passthrough:alias": f"{alias}:1"})
    [made] = create_servers(control, ADMIN, CreateServer("s", flavor, cloud.image), "req-1")
    place_round(control)
    return cloud.server(made.id).status


def names(cloud: Cloud) -> list[tuple[str, str, bool]]:
    return [(a.name, a.source, a.in_force) for a in aliases.list_aliases(cloud.control, ADMIN)[0]]


def test_a_new_rule_counts_at_once_in_every_process(cloud: Cloud) -> None:
    cloud.host("h1", inventory=(gpu(0, vendor_id="10de", product_id="1eb8"),))
    other = other_process(cloud.control)
    with pytest.raises(BadInput, match="t4 is not defined"):
        boot(cloud, other, "t4")

    aliases.create_alias(cloud.control, ADMIN, [T4])
    refused = boot(cloud, other, "t4")
    device_specs.create_device_spec(cloud.control, ADMIN, NVIDIA)
    placed = boot(cloud, other, "t4")

    assert (refused, placed) == (ServerStatus.ERROR, ServerStatus.BUILD)


def test_rules_are_read_again_only_when_they_have_changed(cloud: Cloud) -> None:
    before = in_force(cloud.control)

    assert in_force(cloud.control) is before
    aliases.create_alias(cloud.control, ADMIN, [T4])
    assert in_force(cloud.control) is not before


def test_a_change_that_was_rolled_back_is_no_rule_of_anyone(cloud: Cloud) -> None:
    with pytest.raises(ZeroDivisionError), changing_rules(cloud.control, ADMIN, "busway:aliases:create") as turn:
        store.put_alias(turn.tx, AliasRow("t4", (T4,), turn.record("alias", "t4", "created", [T4])))
        turn.add_device_events()
        raise ZeroDivisionError
    aliases.create_alias(cloud.control, ADMIN, [T4_PF])

    assert in_force(cloud.control).aliases["t4"] == parse_aliases([T4_PF])["t4"]


def test_a_change_waits_for_the_placers_turn_and_counts_for_the_next(cloud: Cloud) -> None:
    spec = device_specs.create_device_spec(cloud.control, ADMIN, NVIDIA).device_spec
    assert spec is not None
    done: list[str] = []

    def change() -> None:
        device_specs.delete_device_spec(cloud.control, ADMIN, spec.id, spec.version)
        done.append("changed")

    with cloud.control.db.write() as tx:
        take_turn(tx, "place")
        operator = threading.Thread(target=change)
        operator.start()
        until_someone_waits(cloud.control.db)
        done.append(f"placed with {len(cloud.control.pci_rules(tx).spec_rows)} spec of run time")
    operator.join(30)

    assert done == ["placed with 1 spec of run time", "changed"]


def test_rules_outlive_a_restart(cloud: Cloud) -> None:
    aliases.create_alias(cloud.control, ADMIN, [T4, T4.replace("1eb8", "1eb9")])

    assert [spec.product_id for spec in in_force(other_process(cloud.control)).aliases["t4"].specs] == ["1eb8", "1eb9"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"name": "x"}', '{"name": "x", "vendor_id": "10de", "product_id": "20b0", "color": "red"}']
)
def test_an_alias_is_refused_with_the_words_of_the_file(cloud: Cloud, text: str) -> None:
    with pytest.raises(BuswayError) as of_file:
        parse_aliases([text])

    with pytest.raises(InvalidAlias) as refused:
        aliases.create_alias(cloud.control, ADMIN, [text])

    assert (str(refused.value), refused.value.code) == (str(of_file.value), of_file.value.code)
    assert refused.value.remedy and names(cloud) == [("a1", "file", True)]


@pytest.mark.parametrize("text", ["{", "1", '{"address": "zz:00.0"}', '{"vendor_id": "10dez"}', '{"traits": 1}'])
def test_a_device_spec_is_refused_with_the_words_of_the_file(cloud: Cloud, text: str) -> None:
    with pytest.raises(BuswayError) as of_file:
        parse_device_specs([text])
    made = device_specs.create_device_spec(cloud.control, ADMIN, NVIDIA).device_spec
    assert made is not None

    changes: tuple[Callable[[], object], ...] = (
        lambda: device_specs.create_device_spec(cloud.control, ADMIN, text),
        lambda: device_specs.change_device_spec(cloud.control, ADMIN, made.id, made.version, text),
    )
    for change in changes:
        with pytest.raises(type(of_file.value)) as refused:
            change()
        assert str(refused.value) == str(of_file.value)


def test_one_alias_has_one_name(cloud: Cloud) -> None:
    with pytest.raises(BadInput, match="must have the same name"):
        aliases.create_alias(cloud.control, ADMIN, [T4, ALIAS])
    made = aliases.create_alias(cloud.control, ADMIN, [T4]).alias
    assert made is not None

    with pytest.raises(BadInput, match="names alias a1, not t4"):
        aliases.change_alias(cloud.control, ADMIN, "t4", [ALIAS], made.version)
    with pytest.raises(Conflict, match="already"):
        aliases.create_alias(cloud.control, ADMIN, [T4])


def test_an_alias_of_run_time_counts_in_place_of_the_files_until_it_is_gone(cloud: Cloud) -> None:
    made = aliases.create_alias(cloud.control, ADMIN, [ALIAS.replace("1111", "2222")]).alias
    assert made is not None
    assert names(cloud) == [("a1", "file", False), ("a1", "run time", True)]
    assert in_force(cloud.control).aliases["a1"].specs[0].product_id == "2222"

    left = aliases.delete_alias(cloud.control, ADMIN, "a1", made.version).alias

    assert left is not None and (left.source, left.in_force) == ("file", True)
    assert in_force(cloud.control).aliases == cloud.control.settings.aliases


def test_device_specs_of_run_time_come_before_those_of_the_file(cloud: Cloud) -> None:
    cloud.host("h1")
    device_specs.create_device_spec(cloud.control, ADMIN, EVERY_GPU)

    with cloud.control.db.read() as tx:
        [state] = take_snapshot(cloud.control, tx).hosts[0].devices
    views, _ = device_specs.list_device_specs(cloud.control, ADMIN)

    assert state.tags.managed is False
    assert [(v.order, v.source, v.devices) for v in views] == [(1, "run time", 1), (2, "file", 0)]


def test_device_specs_are_put_where_they_are_wanted(cloud: Cloud) -> None:
    def order() -> list[str]:
        return [view.id for view in device_specs.list_device_specs(cloud.control, ADMIN)[0]]

    def made(before: str | None) -> str:
        change = device_specs.create_device_spec(cloud.control, ADMIN, NVIDIA, before)
        assert change.device_spec is not None
        return change.device_spec.id

    first, second = made(None), made("file-1")
    between = made(second)
    assert order() == [first, between, second, "file-1"]

    device_specs.change_device_spec(cloud.control, ADMIN, first, 1, before="last")
    assert order() == [between, second, first, "file-1"]
    device_specs.change_device_spec(cloud.control, ADMIN, first, 4, EVERY_GPU, before=between)
    assert order() == [first, between, second, "file-1"]
    device_specs.change_device_spec(cloud.control, ADMIN, second, 2, EVERY_GPU)
    assert order() == [first, between, second, "file-1"]
    with pytest.raises(NotFound):
        made("nowhere")
    with pytest.raises(BadInput, match="Nothing to change"):
        device_specs.change_device_spec(cloud.control, ADMIN, first, 5)


def test_a_change_that_is_based_on_an_older_version_is_refused(cloud: Cloud) -> None:
    alias = aliases.create_alias(cloud.control, ADMIN, [T4]).alias
    spec = device_specs.create_device_spec(cloud.control, ADMIN, NVIDIA).device_spec
    assert alias is not None and spec is not None
    aliases.change_alias(cloud.control, ADMIN, "t4", [T4_PF], alias.version)
    device_specs.change_device_spec(cloud.control, ADMIN, spec.id, spec.version, EVERY_GPU)

    late: list[Callable[[], object]] = [
        lambda: aliases.change_alias(cloud.control, ADMIN, "t4", [T4], alias.version),
        lambda: aliases.delete_alias(cloud.control, ADMIN, "t4", alias.version),
        lambda: device_specs.change_device_spec(cloud.control, ADMIN, spec.id, spec.version, before="last"),
        lambda: device_specs.delete_device_spec(cloud.control, ADMIN, spec.id, spec.version),
    ]
    for change in late:
        with pytest.raises(Conflict, match="has been changed") as refused:
            change()
        assert refused.value.code == "rule-stale" and "admin changed it" in refused.value.detail
    with pytest.raises(BadInput, match="must name the version"):
        aliases.delete_alias(cloud.control, ADMIN, "t4", None)


def test_rules_of_the_file_are_changed_in_the_file(cloud: Cloud) -> None:
    changes: list[Callable[[], object]] = [
        lambda: aliases.change_alias(cloud.control, ADMIN, "a1", [ALIAS], 1),
        lambda: aliases.delete_alias(cloud.control, ADMIN, "a1", 1),
        lambda: device_specs.change_device_spec(cloud.control, ADMIN, "file-1", 1, SPEC),
        lambda: device_specs.delete_device_spec(cloud.control, ADMIN, "file-1", 1),
    ]
    for change in changes:
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "rule-of-the-file"


def test_the_history_tells_who_did_what_when(cloud: Cloud) -> None:
    made = aliases.create_alias(cloud.control, ADMIN, [T4]).alias
    assert made is not None
    cloud.wait(60)
    changed = aliases.change_alias(cloud.control, replace(ADMIN, user_name="ben"), "t4", [T4_PF], made.version).alias
    assert changed is not None
    aliases.delete_alias(cloud.control, ADMIN, "t4", changed.version)

    story = aliases.get_alias(cloud.control, ADMIN, "t4")

    assert story.aliases == ()
    assert [(c.act, c.user_name, c.definitions) for c in story.history] == [
        ("created", "admin", (T4,)),
        ("changed", "ben", (T4_PF,)),
        ("deleted", "admin", ()),
    ]
    assert (story.history[1].at - story.history[0].at).total_seconds() == 60


def test_rules_are_for_admins(cloud: Cloud) -> None:
    acts: list[Callable[[], object]] = [
        lambda: aliases.list_aliases(cloud.control, USER),
        lambda: aliases.get_alias(cloud.control, USER, "a1"),
        lambda: aliases.create_alias(cloud.control, USER, [T4]),
        lambda: aliases.change_alias(cloud.control, USER, "a1", [ALIAS], 1),
        lambda: aliases.delete_alias(cloud.control, USER, "a1", 1),
        lambda: device_specs.list_device_specs(cloud.control, USER),
        lambda: device_specs.get_device_spec(cloud.control, USER, "file-1"),
        lambda: device_specs.create_device_spec(cloud.control, USER, NVIDIA),
        lambda: device_specs.change_device_spec(cloud.control, USER, "file-1", 1, NVIDIA),
        lambda: device_specs.delete_device_spec(cloud.control, USER, "file-1", 1),
    ]
    for act in acts:
        with pytest.raises(Forbidden):
            act()


def test_a_rule_that_this_process_can_not_read_counts_for_nothing_and_is_shown(cloud: Cloud) -> None:
    other = other_process(cloud.control, pci_in_placement=True)
    aliases.create_alias(other, ADMIN, ['{"name": "a1", "resource_class": "CUSTOM_GPU"}'])

    assert in_force(other).aliases["a1"].specs[0].resource_class == "CUSTOM_GPU"
    assert in_force(cloud.control).aliases == cloud.control.settings.aliases
    assert names(cloud) == [("a1", "file", True), ("a1", "run time", False)]
    [view] = [each for each in aliases.list_aliases(cloud.control, ADMIN)[0] if not each.in_force]
    assert "'vendor_id' and 'product_id' are required" in view.note


def test_unknown_rules_are_told(cloud: Cloud) -> None:
    with pytest.raises(NotFound, match="no alias t4"):
        aliases.get_alias(cloud.control, ADMIN, "t4")
    with pytest.raises(NotFound, match="no alias t4"):
        aliases.delete_alias(cloud.control, ADMIN, "t4", 1)
    with pytest.raises(NotFound, match="no device spec x"):
        device_specs.get_device_spec(cloud.control, ADMIN, "x")
    with pytest.raises(NotFound, match="no device spec x"):
        device_specs.delete_device_spec(cloud.control, ADMIN, "x", 1)
