from tools.tempest.guests import FLOATING, GUESTS, REACHES
from tools.tempest.interop import guideline, required
from tools.tempest.left_out import in_fewer_words, left_out
from tools.tempest.outcomes import Outcome, by_why, cause, count, idempotent_id, read_outcomes, short
from tools.tempest.page import Part, write_page

_CLASS = "tempest.api.network.test_networks.NetworksTest"
_LOG = """\
2026 1 INFO [tempest.lib.common.rest_client] Request (NetworksTest:test_show): 201 POST http://127.0.0.1:1/network/v2.0/networks 0.1s
2026 1 INFO [tempest.lib.common.rest_client] Request (NetworksTest:test_show): 400 POST http://127.0.0.1:1/network/v2.0/ports?x=1 0.1s
2026 1 INFO [tempest.lib.common.rest_client] Request (NetworksTest:_run_cleanups): 204 DELETE http://127.0.0.1:1/network/v2.0/networks/1 0.1s
"""
_TRACEBACK = """\
Traceback (most recent call last):
  File "a.py", line 1, in test_show
    self.client.show()
tempest.lib.exceptions.BadRequest: Bad request
Details: port 31e71ea0-7aa7-43d2-a0ab-66e664974b29 of tempest-x-12
"""


def test_each_listed_test_has_one_outcome() -> None:
    listed = [f"{_CLASS}.test_show[id-1,smoke]", f"{_CLASS}.test_list", "tempest.a.B.c", "tempest.a.D.e"]
    lines = [
        {"id": f"{_CLASS}.test_show[id-1,smoke]", "status": "passed"},
        {"id": f"setUpClass ({_CLASS})", "status": "skipped", "reason": "no extension"},
        {"id": "setUpClass (tempest.a.B)", "status": "failed", "traceback": "Traceback\nKeyError: 'x'\n"},
    ]

    found = {each.name.rpartition(".")[2]: each for each in read_outcomes(listed, lines)}

    assert found["test_show"].status == "passed"
    assert (found["test_list"].status, found["test_list"].why) == ("skipped", "no extension")
    assert (found["c"].status, found["c"].why) == ("failed", "KeyError: 'x'")
    assert (found["e"].status, found["e"].why) == ("failed", "did not run: its part was ended")


def test_a_cause_is_the_tests_own_last_request_and_what_was_raised() -> None:
    told = cause({"id": f"{_CLASS}.test_show", "traceback": _TRACEBACK, "pythonlogging": _LOG})

    assert told == "400 POST /network/v2.0/ports: BadRequest: Bad request Details: port ID of NAME"


def test_failures_of_one_cause_stand_together_and_the_most_frequent_first() -> None:
    found = [
        Outcome("a", "failed", "x"),
        Outcome("b", "failed", "y"),
        Outcome("c", "failed", "y"),
        Outcome("d", "passed"),
    ]

    assert by_why(found, "failed") == [("y", ["b", "c"]), ("x", ["a"])]
    assert count(found) == {"passed": 1, "failed": 3, "skipped": 0}


def test_a_page_keeps_what_other_services_said() -> None:
    order = ["identity", "image"]
    first = write_page(
        "", "47.0.0", [Part("image", [Outcome("tempest.api.image.A.b", "failed", "a|b")], "1", "d1")], order
    )

    page = write_page(first, "47.0.0", [Part("identity", [Outcome("x", "passed")], "2", "d2")], order)
    again = write_page(page, "47.0.0", [Part("image", [Outcome("x", "skipped", "no <b>")], "3", "d3")], order)

    assert "| image | 0 | 1 | 0 | 1 | 1 | d1 |" in page
    assert "| 1 | `a/b` | image.A.b |" in page
    assert "| **all** | 1 | 1 | 0 | 2 | | |" in page
    assert page.index("## Identity") < page.index("## Image")
    assert "| image | 0 | 0 | 1 | 1 | 3 | d3 |" in again
    assert "| 1 | no (b) |" in again
    assert "a/b" not in again


def test_what_is_left_out_has_its_reason() -> None:
    name = short("tempest.api.identity.v3.test_oauth_consumers.A.test_b[id-1]")

    assert list(left_out([name, "tempest.api.identity.v3.test_users.A.b"])) == [name]


def test_a_test_that_is_run_with_several_things_counts_for_each() -> None:
    ids = [f"tempest.a.B.test_format[id-1]({name})" for name in ("raw", "qcow2")]
    lines = [{"id": ids[0], "status": "passed"}, {"id": ids[1], "status": "skipped", "reason": "why"}]

    outcomes = read_outcomes(ids, lines)

    assert [(each.name, each.status) for each in outcomes] == [
        ("tempest.a.B.test_format(qcow2)", "skipped"),
        ("tempest.a.B.test_format(raw)", "passed"),
    ]


def test_what_needs_a_guest_is_run_with_guests_and_what_needs_volumes_is_not() -> None:
    servers = "tempest.api.compute.servers"
    with_guests = [
        f"{servers}.test_create_server.ServersTestJSON.test_verify_created_server_vcpus[id-1]",
        f"{servers}.test_server_actions.ServerActionsTestJSON.test_rebuild_server[id-1]",
        "tempest.scenario.test_shelve_instance.TestShelveInstance.test_shelve_instance[id-1]",
    ]
    without = [
        f"{servers}.test_create_server.ServersTestBootFromVolume.test_verify_created_server_vcpus[id-1]",
        f"{servers}.test_server_actions.ServerActionsTestJSON.test_rebuild_server_with_volume_attached[id-1]",
        "tempest.scenario.test_shelve_instance.TestShelveInstance.test_shelve_volume_backed_instance[id-1]",
    ]

    assert [name for name in with_guests + without if GUESTS.search(name)] == with_guests
    assert [name for name in with_guests if REACHES.search(name)] == with_guests[2:]


def test_scenarios_of_networks_reach_their_guests_at_floating_addresses() -> None:
    scenario = "tempest.scenario"
    names = [
        f"{scenario}.test_network_basic_ops.TestNetworkBasicOps.test_mtu_sized_frames[id-1]",
        f"{scenario}.test_security_groups_basic_ops.TestSecurityGroupsBasicOps.test_in_tenant_traffic[id-1]",
        f"{scenario}.test_network_qos_placement.MinBwAllocationPlacementTest.test_resize[id-1]",
        f"{scenario}.test_server_basic_ops.TestServerBasicOps.test_server_basic_ops[id-1]",
    ]

    assert [name for name in names if FLOATING.search(name)] == names[:2]
    assert [name for name in names if GUESTS.search(name)] == names[3:]


def test_what_needs_two_subnets_of_one_version_is_left_out_of_what_needs_guests() -> None:
    v6 = "tempest.scenario.test_network_v6.TestGettingAddress"

    assert list(left_out([f"{v6}.test_dualnet_multi_prefix_slaac", f"{v6}.test_slaac_from_os"])) == [
        f"{v6}.test_dualnet_multi_prefix_slaac"
    ]


def test_a_test_is_known_by_the_id_that_it_keeps() -> None:
    known = "6c0a0990-43b6-4529-9b61-5fd8daf7c55c"

    assert [
        idempotent_id(f"tempest.a.B.c{words}") for words in (f"[id-{known}]", f"[slow,id-{known},smoke](raw)", "")
    ] == [
        known,
        known,
        "",
    ]


def test_the_guideline_requires_tests_that_are_neither_flagged_nor_there_twice() -> None:
    known = guideline()

    assert known.flagged and known.of_volumes < known.required
    assert known.required.isdisjoint(known.flagged)
    assert all(len(each) == 36 and each.count("-") == 4 for each in known.required | known.flagged)


def test_a_required_test_has_the_worst_outcome_that_was_run() -> None:
    first, second, third = sorted(guideline().required)[:3]
    flagged = min(guideline().flagged)
    outcomes = [
        Outcome("a", "skipped", "no", first),
        Outcome("b", "passed", "", first),
        Outcome("c", "passed", "", second),
        Outcome("d", "failed", "x", second),
        Outcome("e", "skipped", "no", third),
        Outcome("f", "failed", "y", flagged),
        Outcome("g", "failed", "z"),
    ]

    assert {each.id: each.status for each in required(outcomes)} == {
        first: "passed",
        second: "failed",
        third: "skipped",
    }


def test_a_page_tells_of_the_guideline_what_each_part_has_run() -> None:
    first, second = sorted(guideline().required)[:2]
    parts = [
        Part("image", [Outcome("a", "passed", "", first)], "1", "d1"),
        Part(
            "compute", [Outcome("b", "skipped", "Cinder is not available", second), Outcome("c", "passed")], "1", "d1"
        ),
    ]
    order = ["image", "compute", "scenario"]
    page = write_page("", "47.0.0", parts, order)

    again = write_page(page, "47.0.0", [Part("scenario", [Outcome("d", "passed")], "2", "d2")], order)

    assert "| of image | 1 | 1 | 0 | 0 | - |" in again
    assert "| of compute | 1 | 0 | 0 | 1 | 1: there are no volumes |" in again
    assert "| **all** | 2 | 1 | 0 | 1 | |" in again and "| of scenario" not in again
    assert "| 1 | there are no volumes |" in again  # in the part itself too


def test_reasons_are_told_in_plain_words() -> None:
    assert in_fewer_words("VolumesNegativeTest skipped as Cinder is not available") == "there are no volumes"
    assert in_fewer_words("another") == "another"
