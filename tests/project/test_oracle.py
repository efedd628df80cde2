import json

import pytest
from tools.command import SetupError
from tools.oracle import ours
from tools.oracle.__main__ import documented
from tools.oracle.cases import Cases
from tools.oracle.differences import CLASSES, UNEXPLAINED, Point, classify, points
from tools.oracle.lock_check import check_lock

from tests.project.checkout import ROOT, text


def test_every_class_of_difference_has_its_reason_in_the_reference() -> None:
    assert documented() == set(CLASSES)


def test_the_lock_of_the_oracle_names_no_host() -> None:
    lock = text("requirements/oracle.txt")
    check_lock(lock)
    assert "nova==34.0.0" in lock


@pytest.mark.parametrize(
    "line", ["--index-url https://mirror/simple", "-i mirror", "--find-links here", "nova @ file:///x", "x==1 # from ssh://y"]
)  # fmt: skip
def test_a_lock_that_names_a_place_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(SetupError, match="line 2"):
        check_lock(f"nova==34.0.0\n{line}\n")


def test_one_seed_makes_one_sequence_of_cases() -> None:
    assert list(Cases(7).make(60)) == list(Cases(7).make(60))
    assert list(Cases(7).make(60)) != list(Cases(8).make(60))


def test_busway_answers_every_case_and_never_crashes() -> None:
    answers = [(case, ours.answer(case)) for case in Cases(3).make(400)]
    assert [(case, answer) for case, answer in answers if "crashed" in answer] == []
    assert {case["kind"] for case, answer in answers if "ok" in answer} == {
        "aliases",
        "assign",
        "match",
        "requests",
        "fit",
        "file",
    }


def test_a_refusal_is_a_refusal_whatever_its_words() -> None:
    case = {"kind": "aliases", "aliases": ["{"], "placement": False}
    assert list(points(case, {"refused": "one"}, {"refused": "other"})) == []
    assert len(list(points(case, {"refused": "one"}, {"refused": "other", "kind": "forbidden"}))) == 1


def test_each_device_is_a_point_of_its_own() -> None:
    device = {"address": "0000:8a:00.0", "class": "030200", "serial": "S1"}
    case = {"kind": "match", "aliases": [], "specs": ["{}"], "devices": [device, device]}
    [point] = points(case, {"ok": [True, False]}, {"ok": [True, True]})
    assert classify(point) == UNEXPLAINED


@pytest.mark.parametrize(
    ("nova", "busway", "name"),
    [
        ({"crashed": "AttributeError: x"}, {"refused": "y"}, "clear-error"),
        ({"crashed": "AttributeError: x"}, {"ok": {}}, UNEXPLAINED),
        ({"ok": {}}, {"refused": "something new"}, UNEXPLAINED),
        ({"refused": "something new"}, {"ok": {}}, UNEXPLAINED),
        ({"ok": {}}, {"crashed": "KeyError: x"}, UNEXPLAINED),
        ({"a": {"policy": "legacy"}}, {"a": {"policy": "socket"}}, UNEXPLAINED),
        ({"a": {"traits": ["CUSTOM__B"]}}, {"a": {"traits": ["CUSTOM_B"]}}, "name-spelling"),
    ],
)
def test_only_what_is_meant_has_a_class(nova: object, busway: object, name: str) -> None:
    case = {"kind": "aliases", "aliases": [json.dumps({"name": "a"})], "placement": True}
    assert classify(Point(case, nova, busway)) == name


@pytest.mark.parametrize(
    ("asked", "nova", "busway", "name"),
    [
        ("pf:1,vf:1", True, False, "pf-with-its-vf"),
        ("pf:1", True, False, UNEXPLAINED),
        ("vf:1,a1:1", True, False, UNEXPLAINED),
        ("a1:1,either:1", False, True, "requests-in-order"),
        ("either:2", False, True, UNEXPLAINED),
    ],
)
def test_whether_a_server_fits_differs_only_where_it_is_meant(asked: str, nova: bool, busway: bool, name: str) -> None:
    case = {"kind": "fit", "aliases": [], "specs": [], "extra_specs": {"pci_passthrough:alias": asked}}
    assert classify(Point(case, nova, busway)) == name


def test_the_oracle_is_a_target_of_its_own() -> None:
    assert "oracle: setup" in text("Makefile")
    assert (ROOT / "tools" / "oracle" / "peer.py").exists()
