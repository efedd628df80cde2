"""Rules of run time as stored: versions that only grow, an order that is kept, a history that outlives its rule."""

from dataclasses import replace

from busway.domain.ids import DeviceSpecId, UserId
from busway.store import pci_rules as store
from busway.store.database import Database
from busway.store.pci_rules import ALIAS, DEVICE_SPEC, AliasRow, DeviceSpecRow, RuleChange
from tests.store.rows import NOON


def change(key: str, act: str = "created", kind: str = ALIAS, *definitions: str) -> RuleChange:
    return RuleChange(NOON, UserId("u"), "ann", kind, key, act, definitions)


def spec(name: str, version: int = 1) -> DeviceSpecRow:
    return DeviceSpecRow(DeviceSpecId(name), 0, f'{{"vendor_id": "{name}"}}', version)


def test_versions_grow_with_every_change(database: Database) -> None:
    with database.write() as tx:
        before = store.rules_version(tx)
        made = [store.add_change(tx, change("a")), store.add_change(tx, change("s", kind=DEVICE_SPEC))]

        assert (before, made, store.rules_version(tx)) == (0, [1, 2], 2)


def test_an_alias_is_replaced_and_its_history_outlives_it(database: Database) -> None:
    with database.write() as tx:
        for act, texts in (("created", ("x",)), ("changed", ("y", "z"))):
            version = store.add_change(tx, change("a", act, ALIAS, *texts))
            store.put_alias(tx, AliasRow("a", texts, version))
        kept, last = store.list_aliases(tx), store.last_changes(tx)
        store.add_change(tx, change("a", "deleted"))
        store.delete_alias(tx, "a")

        assert kept == [AliasRow("a", ("y", "z"), 2)]
        assert (list(last), last[2].act) == ([2], "changed")
        assert store.list_aliases(tx) == []
        assert [each.act for each in store.list_changes(tx, ALIAS, "a")] == ["created", "changed", "deleted"]
        assert store.list_changes(tx, DEVICE_SPEC, "a") == []


def test_device_specs_keep_the_order_in_which_they_are_put(database: Database) -> None:
    with database.write() as tx:
        store.put_device_specs(tx, [spec("b"), spec("a"), spec("c")])
        store.put_device_specs(tx, [spec("c"), replace(spec("b"), version=7), spec("d")])

        rows = store.list_device_specs(tx)

    assert [(row.id, row.position, row.version) for row in rows] == [("c", 1, 1), ("b", 2, 7), ("d", 3, 1)]
