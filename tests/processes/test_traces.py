"""One trace from the request over the placement to each step on the host and the report; as processes, with a real collector's protocol."""

import pytest

from tests.processes.cloud import ProcessCloud, wait_for
from tests.tracing.collector import Collector, Seen, collecting

pytestmark = pytest.mark.processes
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def traced(tmp_path):  # type: ignore[no-untyped-def]
    with collecting() as collector:
        cloud = ProcessCloud(tmp_path, f"sqlite:///{tmp_path / 'busway.db'}")
        text = cloud.config.read_text().replace("[busway]\n", f"[busway]\ntraces_endpoint = {collector.url}\n")
        cloud.config.write_text(text)
        try:
            cloud.start_control()
            cloud.prepare()
            cloud.start_host("host1", traces=collector.url)
            cloud.wait_for_host("host1")
            yield cloud, collector
        finally:
            cloud.down()


def _of(collector: Collector, request_id: str) -> list[Seen]:
    with collector.lock:
        return [span for span in collector.spans if span.values.get("busway.request_id") == request_id]


def test_a_server_s_way_from_its_request_to_its_report_is_one_trace(traced: tuple[ProcessCloud, Collector]) -> None:
    cloud, collector = traced
    headers = {**cloud.headers(), "traceparent": CALLER}
    answer = cloud.http.post("/compute/v2.1/servers", json=cloud.wish("s1"), headers=headers)
    request_id, server = answer.headers["x-openstack-request-id"], answer.json()["server"]["id"]
    wait_for("the server to run", lambda: cloud.status(server) == "ACTIVE")
    wait_for("all spans", lambda: {"report", "take report"} <= {span.name for span in _of(collector, request_id)})

    spans = _of(collector, request_id)
    assert {span.trace for span in spans} == {CALLER[3:35]}
    [root] = [span for span in spans if span.name == "POST /compute/v2.1/servers"]
    assert (root.service, root.parent, root.values["http.response.status_code"]) == ("busway", CALLER[36:52], 202)
    rest = [span for span in spans if span is not root]
    assert {span.parent for span in rest} == {root.id}
    names = [span.name for span in rest]
    steps = ["FetchImage", "MakeDisk", "MakeConfigDrive", "TakeDevice", "DefineDomain", "StartDomain", "RecordCounters"]
    assert [name for name in names if name in steps] == steps
    assert {span.service for span in rest if span.name in (*steps, "report")} == {"busway-agent"}
    assert {span.service for span in rest if span.name in ("place", "take report")} == {"busway"}
    [place] = [span for span in rest if span.name == "place"]
    assert place.values["busway.server_id"] == server and not place.failed
    assert any(str(span.values.get("busway.state")).endswith("-> ACTIVE") for span in rest)
    assert not any(span.failed for span in spans)

    ended = cloud.http.delete(f"/compute/v2.1/servers/{server}", headers=cloud.headers())
    other = ended.headers["x-openstack-request-id"]
    wait_for("the teardown", lambda: any(span.name == "GiveBackDevice" for span in _of(collector, other)))
    assert {span.trace for span in _of(collector, other)} != {CALLER[3:35]}  # an act of its own


def test_a_refusal_is_in_the_trace_with_its_words(traced: tuple[ProcessCloud, Collector]) -> None:
    cloud, collector = traced
    body = {"server": {**cloud.wish("s")["server"], "min_count": 2, "max_count": 2}}
    answer = cloud.http.post("/compute/v2.1/servers", json=body, headers=cloud.headers())
    request_id = answer.headers["x-openstack-request-id"]
    wait_for("the refusal", lambda: [s for s in _of(collector, request_id) if s.name == "place" and s.failed])

    assert all(span.name != "FetchImage" for span in _of(collector, request_id))
