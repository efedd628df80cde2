"""What is planned for a guest that runs, is paused or saved, or goes to another host."""

from dataclasses import replace
from typing import Any

import pytest

from busway.domain.address import PciAddress
from busway.domain.documents import Desired, DesiredRescue, DesiredServer, Nic
from busway.domain.grant import Attachment, Grant
from busway.domain.ids import ImageId, PortId, ServerId, UnitName
from busway.domain.live_move import LiveOrder, LiveRole
from busway.domain.server import Hold, PowerState
from busway.domain.units import WholeFunction
from busway.reconciler import LocalServer, config_digest, definition_digest, plan
from busway.reconciler.steps import AskOut, PlugCard, PlugDevice
from busway.testing.stage import held_function
from tests.reconciler.test_plan import GPU, NAME, RUNNING, SERVER, a_host, names

OTHER = PciAddress("0000:42:00.0")
CARD = Nic("52:54:00:00:00:02", "10.0.0.6", 24, port=PortId("77777777-0000-4000-8000-000000000002"))
RESCUE = DesiredRescue(replace(SERVER.image, id=ImageId("rescue")), 9)
SENT = LiveOrder("move", LiveRole.OUTGOING, peer="10.0.0.2:16514")
AWAITED = LiveOrder("move", LiveRole.INCOMING)
PAUSED: dict[str, Any] = {"power": PowerState.PAUSED, "paused": True}
SAVED: dict[str, Any] = {"power": PowerState.SHUTOFF, "saved": True}


def steps_of(wanted: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """The steps for the server and its running guest, each changed so."""
    return names(plan(Desired("h", 1, (replace(SERVER, **wanted),)), a_host(replace(RUNNING, **here))))


@pytest.mark.parametrize(
    ("wanted", "here", "steps"),
    [
        ({"powered": False}, {}, ["StopDomain"]),
        ({"powered": False}, {"stop_asked": True}, []),
        ({"powered": False}, {"stop_asked": True, "stop_again": True}, ["StopDomain"]),
        ({"powered": False}, {"stop_asked": True, "stop_again": True, "stop_overdue": True}, ["DestroyDomain"]),
        ({"powered": False}, {"stop_asked": True, "stop_overdue": True}, ["DestroyDomain"]),
        ({"powered": False}, PAUSED, ["UnpauseDomain", "StopDomain"]),
        ({"reboots": 1}, {}, ["RebootDomain", "RecordCounters"]),
        ({"hold": Hold.PAUSED}, {}, ["PauseDomain"]),
        ({"hold": Hold.PAUSED}, PAUSED, []),
        ({}, PAUSED, ["UnpauseDomain"]),
        ({"hold": Hold.SUSPENDED}, {}, ["SaveDomain"]),
        ({"starts": 2}, {}, ["RecordCounters"]),
    ],
)
def test_a_guest_that_runs_follows_what_its_user_asks_for(
    wanted: dict[str, Any], here: dict[str, Any], steps: list[str]
) -> None:
    assert steps_of(wanted, here) == steps


@pytest.mark.parametrize(
    ("wanted", "here", "steps"),
    [
        ({}, {}, ["StartDomain"]),
        ({"hold": Hold.SUSPENDED}, {}, []),
        ({"starts": 2}, {}, ["ForgetSaved", "StartDomain", "RecordCounters"]),
        ({"powered": False}, {}, ["ForgetSaved"]),
        ({"disks": (2,)}, {}, ["ForgetSaved", "MakeDisk", "DefineDomain", "RemoveDisk"]),
    ],
)
def test_saved_memory_goes_on_unless_the_guest_must_boot_or_be_off(
    wanted: dict[str, Any], here: dict[str, Any], steps: list[str]
) -> None:
    assert steps_of(wanted, SAVED | here) == steps


def test_a_guest_on_an_old_disk_is_ended_before_its_new_disk_is_used() -> None:
    assert "DestroyDomain" in steps_of({"disks": (1, 2)}, {"disks": frozenset({1, 2})})


@pytest.mark.parametrize(
    ("here", "steps"),
    [
        ({}, ["FetchImage", "MakeDisk", "StopDomain"]),
        ({"disks": frozenset({1, 9}), **PAUSED}, ["UnpauseDomain", "StopDomain"]),
    ],
)
def test_a_rescue_is_prepared_while_the_guest_runs_and_begins_by_a_shutdown(
    here: dict[str, Any], steps: list[str]
) -> None:
    rescue = replace(RESCUE, image=replace(RESCUE.image, sha256="other"))
    there = steps_of({"rescue": rescue}, here)
    assert [step for step in there if step in steps] == steps


def test_a_card_that_goes_is_asked_out_before_a_new_one_is_plugged_in() -> None:
    [ask, plug] = plan(Desired("h", 1, (replace(SERVER, nics=(CARD,)),)), a_host(RUNNING))
    assert isinstance(ask, AskOut) and isinstance(plug, PlugCard)
    assert (ask.thing, plug.nic) == (SERVER.nics[0].mac, CARD)
    assert steps_of({"nics": (CARD,)}, {"asked_out": frozenset({SERVER.nics[0].mac})}) == ["PlugCard"]


def test_a_device_that_goes_is_asked_out_once_and_given_back_when_it_is_out() -> None:
    assert steps_of({"devices": ()}, {}) == ["AskOut"]
    assert steps_of({"devices": ()}, {"asked_out": frozenset({NAME})}) == []
    assert steps_of({"devices": ()}, {"attached": ()}) == ["GiveBackDevice"]


def test_a_device_that_comes_is_taken_and_plugged_in() -> None:
    both = replace(SERVER, devices=(*SERVER.devices, Grant(WholeFunction(OTHER, "10de", "20b5"))))
    host = a_host(RUNNING)
    assert names(plan(Desired("h", 1, (both,)), host)) == ["TakeDevice", "PlugDevice"]
    taken = replace(host, held=(*host.held, held_function(OTHER, SERVER.id, None)))
    assert plan(Desired("h", 1, (both,)), taken) == []  # it is gone from the host: nothing plugs it in
    ready = replace(taken, ready=frozenset({NAME, UnitName(str(OTHER))}))
    [plug] = plan(Desired("h", 1, (both,)), ready)
    assert isinstance(plug, PlugDevice) and plug.grant.unit.name == str(OTHER)


def test_a_running_guest_goes_on_without_a_device_that_another_server_still_has() -> None:
    """By a record of a server that the document does not name, or because an earlier server in it wants it too."""
    both = replace(SERVER, devices=(*SERVER.devices, Grant(WholeFunction(OTHER, "10de", "20b5"))))
    host = a_host(RUNNING)
    other = ServerId("bbbbbbbb")
    held = replace(host, held=(*host.held, held_function(OTHER, other, None)))
    assert plan(Desired("h", 1, (both,)), held) == []

    twin = replace(both, id=other, devices=both.devices[1:])
    running = a_host(RUNNING, replace(RUNNING, id=other, attached=()))
    steps = plan(Desired("h", 1, (both, twin)), running)
    assert [(type(step).__name__, step.server_id) for step in steps] == [
        ("TakeDevice", SERVER.id),
        ("PlugDevice", SERVER.id),
    ]


@pytest.mark.parametrize(
    ("wanted", "here"),
    [({"powered": False}, {}), ({}, PAUSED), ({"hold": Hold.PAUSED}, {}), ({"reboots": 1, "hard_reboot": True}, {})],
)
def test_nothing_is_plugged_into_a_guest_that_stands_still_or_will_be_off(
    wanted: dict[str, Any], here: dict[str, Any]
) -> None:
    steps = steps_of({"nics": (*SERVER.nics, CARD), **wanted}, here)
    assert steps and not {"PlugCard", "PlugDevice", "AskOut"} & {*steps}


def test_the_source_of_a_live_migration_sends_the_guest_that_runs_or_has_left() -> None:
    assert steps_of({"live": SENT}, {}) == ["MigrateDomain"]
    assert steps_of({"live": SENT}, {"power": PowerState.SHUTOFF, "left": True}) == ["MigrateDomain"]
    assert steps_of({"live": SENT}, {"power": PowerState.SHUTOFF, "handed": "move"}) == []


def test_the_target_of_a_live_migration_prepares_and_awaits_the_guest_and_never_starts_it() -> None:
    wanted = replace(SERVER, live=AWAITED)
    host = replace(a_host(), held=())
    assert names(plan(Desired("h", 1, (wanted,)), host)) == ["TakeDevice", "MakeConfigDrive", "ReceiveDomain"]
    waits = LocalServer(SERVER.id, files=True, config_drive=config_digest(SERVER.config_drive), awaited="move")
    assert plan(Desired("h", 1, (wanted,)), a_host(waits)) == []
    assert steps_of({"live": AWAITED}, {}) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"vcpus": 3},
        {"spare_ports": 2},
        {"hotplug_window_mb": 64},
        {"rescue": RESCUE},
        {"nics": (CARD,)},
        {"devices": (Grant(WholeFunction(GPU, "10de", "20b5"), port=3),)},
    ],
)
def test_each_part_of_a_domain_changes_its_digest(wanted: dict[str, Any]) -> None:
    assert definition_digest(replace(SERVER, **wanted)) != definition_digest(SERVER)


@pytest.mark.parametrize("word", ["name", "starts", "config_drive"])
def test_what_is_no_part_of_a_domain_does_not(word: str) -> None:
    others: dict[str, DesiredServer] = {
        "name": replace(SERVER, name="other"),
        "starts": replace(SERVER, starts=7),
        "config_drive": replace(SERVER, config_drive=replace(SERVER.config_drive, user_data="x")),
    }
    assert definition_digest(others[word]) == definition_digest(SERVER)


@pytest.mark.parametrize(
    ("here", "reason"),
    [
        ({"power": None, "attached": ()}, "libvirt does not know it"),
        ({"attached": (Attachment(UnitName(str(OTHER))),)}, "its devices have changed"),
        ({"definition": "old"}, "its size, disk or network has changed"),
        ({"options": "old"}, "its host's options for guests have changed"),
    ],
)
def test_a_guest_that_is_off_is_defined_anew_for_each_reason(here: dict[str, Any], reason: str) -> None:
    host = replace(a_host(replace(RUNNING, **({"power": PowerState.SHUTOFF} | here))), options="new")
    steps = plan(Desired("h", 1, (SERVER,)), host)
    assert (steps[0].name, steps[0].reason) == ("DefineDomain", reason)
