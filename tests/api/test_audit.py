"""Who did what is written down with its effect, and refusals of rights on their own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from busway.api.access_log import without_secrets
from busway.control.loops.retention import forget_old_rows
from busway.store.audit import AuditFilter, list_records
from tests.api.serving import ApiServer, start_api_server

LATER = "2100-01-01T00:00:00Z"


def records(server: ApiServer, **wanted: Any) -> list[dict[str, Any]]:
    answer = server.client().get("/busway/v1/audit", params=wanted)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


def boot(server: ApiServer, token: str) -> httpx.Response:
    body = {"name": "s", "imageRef": server.image(), "flavorRef": "1"}
    return server.client(token).post("/compute/v2.1/servers", json={"server": body})


def test_a_change_says_who_did_what_to_what_from_where(api_server: ApiServer) -> None:
    made = boot(api_server, api_server.user("ann"))
    server = made.json()["server"]["id"]

    [found] = records(api_server, target=server)

    assert found["operation"] == "os_compute_api:servers:create"
    assert found["target"] == f"servers/{server}"
    assert (found["user_name"], found["address"], found["result"]) == ("ann", "127.0.0.1", "success")
    assert found["request_id"] == made.headers["x-openstack-request-id"]


def test_a_request_is_one_record_and_a_look_is_none(api_server: ApiServer) -> None:
    ann = api_server.user("ann")
    server = boot(api_server, ann).json()["server"]["id"]
    client = api_server.client(ann)
    client.get(f"/compute/v2.1/servers/{server}").raise_for_status()
    client.delete(f"/compute/v2.1/servers/{server}").raise_for_status()

    found = records(api_server, target=server)

    assert [each["operation"].rpartition(":")[2] for each in found] == ["delete", "create"]


def test_a_refusal_of_rights_is_written_and_a_wrong_request_is_not(api_server: ApiServer) -> None:
    reader = api_server.client(api_server.user("rita", "reader"))
    reader.post("/compute/v2.1/servers", json={"server": {}})
    api_server.client().post("/compute/v2.1/servers", json={"server": {}})

    denied = records(api_server, result="denied")

    assert [(each["user_name"], each["operation"], each["reason"]) for each in denied] == [
        ("rita", "os_compute_api:servers:create", "not-permitted")
    ]
    assert records(api_server, operation="os_compute_api:servers:create", result="success") == []


def test_a_request_at_which_busway_itself_fails_is_written_with_the_same_code_as_its_answer(
    api_template: Path, tmp_path: Path
) -> None:
    def no_ids() -> str:
        raise RuntimeError("the clock of ids is broken")

    server = start_api_server(tmp_path, api_template)
    try:
        ann = server.client(server.user("ann"))
        image = server.image()
        object.__setattr__(server.control, "new_id", no_ids)
        answer = ann.post("/compute/v2.1/servers", json={"server": {"name": "s", "imageRef": image, "flavorRef": "1"}})
        [found] = records(server, result="failed")
    finally:
        server.stop()

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (500, "internal")
    assert (found["user_name"], found["operation"], found["reason"], found["request_id"]) == (
        "ann", "os_compute_api:servers:create", "internal", answer.headers["x-openstack-request-id"],
    )  # fmt: skip


def test_log_ins_are_written_whether_they_succeed_or_not(api_server: ApiServer) -> None:
    api_server.user("ann")
    api_server.authenticate("ann", "wrong", None)

    failed, succeeded = records(api_server, operation="identity:authenticate", limit=2)

    assert (failed["user_name"], failed["result"], failed["reason"]) == ("ann", "denied", "wrong-password")
    assert failed["user_id"] == ""
    assert (succeeded["user_name"], succeeded["result"]) == ("ann", "success")


def test_records_can_be_had_as_events_of_cadf(api_server: ApiServer) -> None:
    server = boot(api_server, api_server.user("ann")).json()["server"]["id"]

    [event] = records(api_server, target=server, format="cadf")

    assert event["typeURI"] == "http://schemas.dmtf.org/cloud/audit/1.0/event"
    assert (event["action"], event["outcome"]) == ("create", "success")
    assert event["target"] == {"typeURI": "service/servers", "id": server}
    assert event["initiator"]["name"] == "ann"


def test_records_are_those_of_a_filter(api_server: ApiServer) -> None:
    boot(api_server, api_server.user("ann"))
    boot(api_server, api_server.user("ben"))
    of_ann = next(each for each in records(api_server) if each["user_name"] == "ann" and each["method"] == "POST")
    time = of_ann["at"]
    kept = {
        "user": of_ann["user_id"],
        "project": of_ann["project_id"],
        "operation": of_ann["operation"],
        "request": of_ann["request_id"],
        "target": of_ann["target"],
        "result": of_ann["result"],
        "since": time,
        "until": LATER,
    }
    dropped = dict.fromkeys(("user", "project", "operation", "request", "target"), "none-such")
    dropped |= {"result": "denied", "since": LATER, "until": time}

    wrong = [name for name, value in kept.items() if of_ann not in records(api_server, **{name: value})]
    wrong += [name for name, value in dropped.items() if of_ann in records(api_server, **{name: value})]

    assert wrong == []


def test_a_tenant_reads_no_record(api_server: ApiServer) -> None:
    assert api_server.client(api_server.user("ann")).get("/busway/v1/audit").status_code == 403


def test_old_records_go_and_newer_ones_stay(api_server: ApiServer) -> None:
    boot(api_server, api_server.user("ann"))
    before = len(records(api_server, limit=1000))

    forget_old_rows(api_server.control)
    after = len(records(api_server, limit=1000))
    api_server.clock.ahead = timedelta(days=401)
    forget_old_rows(api_server.control)

    with api_server.control.db.read() as tx:
        left = list_records(tx, AuditFilter())
    assert (before > 0, after, left) == (True, before, [])


def test_a_query_is_logged_without_what_may_be_secret() -> None:
    assert without_secrets(b"limit=5&token=abc&name=") == "?limit=5&token=*&name="
