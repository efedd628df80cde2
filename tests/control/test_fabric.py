"""NVLink partitions in the whole control plane: GPUs of one partition, claimed with it, told to the host, freed by observation."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control import flavors
from busway.control.placement.place import place_round
from busway.control.placement.plan import plan
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.why import why
from busway.domain.address import PciAddress
from busway.domain.alias import parse_aliases
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import HostResources, Observed
from busway.domain.errors import InvalidAlias, InvalidExtraSpec
from busway.domain.fabric import Fabric
from busway.domain.ids import FlavorId
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus
from busway.domain.units import FabricPartition, WholeFunction
from busway.testing.fabric import MODULES, PARTITIONS
from tests.control.clouds import ADMIN, Cloud, Host, gpu

KINDS = HostResources(64, 262144, 10000, kinds=("function", "fabric"))
BOARD = tuple(
    replace(
        gpu(0),
        address=PciAddress(address),
        vendor_id="10de",
        product_id="2330",
        iommu_group=50 + number,
        numa_node=number // 4,
    )
    for number, address in enumerate(sorted(MODULES.values()))
)


def addresses(number: int) -> tuple[str, ...]:
    return tuple(MODULES[module] for module in PARTITIONS[number])


def tells(*numbers: int) -> Callable[[Observed], Observed]:
    seen = Fabric(tuple(FabricPartition(number, addresses(number)) for number in numbers or PARTITIONS)).seen()
    return lambda observed: replace(observed, fabrics=(seen,))


@pytest.fixture
def linked(cloud: Cloud) -> Cloud:
    alias = '{"name":"h100","vendor_id":"10de","product_id":"2330","link":"nvlink"}'
    cloud.configure(
        aliases=parse_aliases([alias]), device_specs=parse_device_specs(['{"vendor_id":"10de","product_id":"2330"}'])
    )
    return cloud


def boot(cloud: Cloud, count: int) -> Server:
    flavor = replace(cloud.plain, extra_specs={"pci_passthrough:alias": f"h100:{count}"})
    [made] = create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image), "req-v")
    place_round(cloud.control)
    return cloud.server(made.id)


def units(host: Host) -> tuple[set[str], list[FabricPartition]]:
    """The GPUs and the partitions that are granted, and that only GPUs have ports."""
    grants = [grant for server in host.desired().servers for grant in server.devices]
    assert all((grant.port is None) == isinstance(grant.unit, FabricPartition) for grant in grants)
    gpus = {str(grant.unit.name) for grant in grants if isinstance(grant.unit, WholeFunction)}
    return gpus, [grant.unit for grant in grants if isinstance(grant.unit, FabricPartition)]


def test_a_server_gets_the_gpus_of_a_partition_and_the_partition(linked: Cloud) -> None:
    host = linked.host("h1", inventory=BOARD, resources=KINDS, as_of=tells())

    server = boot(linked, 2)
    gpus, [partition] = units(host)
    host.obey()

    assert (partition.number, set(partition.gpus), gpus) == (3, set(addresses(3)), set(addresses(3)))
    assert linked.server(server.id).status is ServerStatus.ACTIVE
    assert "NVLink fabric: partition-3 joins them (allocated)" in why(linked.control, ADMIN, server.id).devices


def test_small_ones_leave_the_large_partitions_whole(linked: Cloud) -> None:
    linked.host("h1", inventory=BOARD, resources=KINDS, as_of=tells())

    servers = [boot(linked, count) for count in (1, 4, 1, 2)]
    late = boot(linked, 1)

    claimed = {claim.unit for claim in linked.live_claims() if claim.kind == FabricPartition.kind}
    assert [server.status for server in servers] == [ServerStatus.BUILD] * 4
    assert claimed == {"partition-7", "partition-9", "partition-2", "partition-4"}
    assert late.status is ServerStatus.ERROR


def test_free_gpus_that_are_no_partition_are_refused_and_the_plan_says_so(linked: Cloud) -> None:
    linked.host("h1", inventory=BOARD, resources=KINDS, as_of=tells(3, 4, 7, 8))
    pair = replace(linked.plain, id=FlavorId("pair"), name="pair", extra_specs={"pci_passthrough:alias": "h100:2"})
    flavors.create_flavor(linked.control, ADMIN, pair)
    boot(linked, 1)
    boot(linked, 1)

    one = boot(linked, 4)
    planned = plan(linked.control, ADMIN, "pair", 1)

    assert one.fault is not None
    assert "joined by nvlink wanted, 6 free; free partitions of its fabric: 0 of 2, 0 of 1" in one.fault.details
    assert planned.refusal is not None
    assert "0 of 2" in planned.refusal.facts


def test_a_partition_is_free_when_its_host_holds_nothing_of_it(linked: Cloud) -> None:
    host = linked.host("h1", inventory=BOARD, resources=KINDS, as_of=tells(0))
    server = boot(linked, 8)
    host.obey()
    delete_server(linked.control, ADMIN, server.id, "req-d")

    early = boot(linked, 8)
    host.report()
    late = boot(linked, 8)

    assert (early.status, late.status) == (ServerStatus.ERROR, ServerStatus.BUILD)


@pytest.mark.parametrize("gone", ["the fabric", "a GPU"])
def test_what_its_host_tells_no_more_is_not_given(linked: Cloud, gone: str) -> None:
    told = tells(0, 3)
    host = linked.host("h1", inventory=BOARD, resources=KINDS, as_of=lambda observed: told(observed))
    if gone == "the fabric":
        told = lambda observed: observed  # noqa: E731
    else:
        host.inventory = tuple(device for device in BOARD if str(device.address) != MODULES[1])
    host.report()

    server = boot(linked, 2)

    assert server.status is ServerStatus.ERROR


def test_an_alias_without_a_link_takes_gpus_as_ever(linked: Cloud) -> None:
    linked.configure(aliases=parse_aliases(['{"name":"h100","vendor_id":"10de","product_id":"2330"}']))
    host = linked.host("h1", inventory=BOARD, resources=KINDS, as_of=tells())

    server = boot(linked, 3)

    assert server.status is ServerStatus.BUILD
    assert units(host)[1] == []


def test_two_links_in_one_flavor_and_unknown_links_are_refused() -> None:
    aliases = parse_aliases(
        [f'{{"name":"{name}","vendor_id":"10de","product_id":"2330","link":"nvlink"}}' for name in ("a", "b")]
    )
    from busway.domain.alias import parse_requests

    with pytest.raises(InvalidExtraSpec, match="several partitions"):
        parse_requests({"pci_passthrough:alias": "a:1,b:1"}, aliases)
    with pytest.raises(InvalidAlias, match="'link' must be one of nvlink"):
        parse_aliases(['{"name":"a","vendor_id":"10de","product_id":"2330","link":"xgmi"}'])
