"""Models of devices: one device of each tells what they are, on both databases."""

from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.store.database import Database
from busway.store.models import list_models, list_parent_models
from busway.store.providers import set_parent
from tests.store.rows import add_device, add_host


def test_a_model_is_told_by_one_device_of_each(database: Database) -> None:
    with database.write() as tx:
        add_host(tx)
        for slot, product in enumerate(("20b5", "20b5", "20f1"), 1):
            add_device(tx, f"d{slot}", slot=slot, product_id=product, product_name=f"[{product}]")

    with database.read() as tx:
        found = list_models(tx, [("10de", "20b5"), ("10de", "20f1"), ("10de", "ffff")])

    named = {ids: model.product_name for ids, model in found.items()}
    assert named == {("10de", "20b5"): "[20b5]", ("10de", "20f1"): "[20f1]"}


def test_one_parent_of_each_model_is_read(database: Database) -> None:
    types = (MdevTypeSeen("nvidia-471", "GRID A100D-40C"),)
    with database.write() as tx:
        add_host(tx)
        for slot, product in enumerate(("20b5", "20b5", "20f1", "2330"), 1):
            device = add_device(tx, f"d{slot}", slot=slot, product_id=product)
            if product != "2330":
                set_parent(tx, device, MdevParentSeen(f"p{slot}", types))

    with database.read() as tx:
        found = list_parent_models(tx)

    told = [(model.product_id, model.parent.types) for model in found if model.parent is not None]
    assert told == [("20b5", types), ("20f1", types)]
