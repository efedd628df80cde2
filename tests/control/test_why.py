"""What a server's story tells to whom."""

from busway.control.placement.discretion import Discretion
from busway.control.servers.why import why
from tests.control.clouds import ADMIN, USER, Cloud


def test_a_tenant_reads_no_host_in_the_story_of_a_server(cloud: Cloud) -> None:
    cloud.host("gpu-node-1")
    [server] = cloud.boot(caller=USER)

    told = repr(why(cloud.control, USER, server.id))
    whole = repr(why(cloud.control, ADMIN, server.id))

    assert "gpu-node-1" in whole
    assert "gpu-node-1" not in told
    assert "0000:41:00.0" in told  # the server's own device


def test_only_whole_names_and_strangers_addresses_are_taken_out() -> None:
    told = Discretion(["node", "node-1", "node.example"], own=["0000:41:00.0"])

    assert told("node-1 has 0000:41:00.0, node.example has 0000:42:00.1; nodes") == (
        "a host has 0000:41:00.0, a host has a device; nodes"
    )
