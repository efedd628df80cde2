from pathlib import Path

from busway.api import compute, identity, image, network, own, placement


def test_every_operation_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text()
    operations = [each for api in (compute, identity, image, network, own, placement) for each in api.OPERATIONS]

    missing = [f"{each.method} {each.path}" for each in operations if f"| {each.method} | `{each.path}` |" not in page]

    assert missing == []


def test_no_operation_is_there_twice() -> None:
    operations = [each for api in (compute, identity, image, network, own, placement) for each in api.OPERATIONS]

    seen = [(each.method, each.path) for each in operations]

    assert len(seen) == len(set(seen))
