"""Mediated devices in the whole control plane: offered by configuration, claimed by slots, freed by observation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from busway.control import flavors, quotas
from busway.control.devices.listing import get_device
from busway.control.placement.place import place_round
from busway.control.placement.plan import plan
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.why import why
from busway.domain.address import PciAddress
from busway.domain.documents import HostResources, Observed
from busway.domain.errors import OverQuota
from busway.domain.grant import Fault, Held
from busway.domain.ids import FlavorId
from busway.domain.mdev import MdevParentSeen, MdevRule, MdevRules, MdevTypeSeen
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus
from busway.domain.units import Mdev
from tests.control.clouds import ADMIN, USER, Cloud, Host, gpu

GPU = "0000:41:00.0"
KINDS = HostResources(16, 65536, 1000, kinds=("function", "mdev"))


class Kernel:
    """What a host tells of its parents: an instance for each that it was told to have, and so many fewer left."""

    def __init__(self, **total: int) -> None:
        self.total = total
        self.made: dict[str, list[str]] = {name: [] for name in total}

    def tell(self, observed: Observed) -> Observed:
        return replace(observed, mdev_parents=tuple(self._parent(name) for name in self.total))

    def _parent(self, name: str) -> MdevParentSeen:
        made = tuple(self.made[name])
        kind = MdevTypeSeen("nvidia-35", "M60-0Q", self.total[name] - len(made), made)
        return MdevParentSeen(GPU if name == "gpu" else name, (kind,), None)


@pytest.fixture
def vgpu_cloud(cloud: Cloud) -> Cloud:
    cloud.configure(mdev_rules=MdevRules([MdevRule("nvidia-35")]))
    return cloud


def host(cloud: Cloud, kernel: Kernel, name: str = "h1", **more: Any) -> Host:
    tell: Callable[[Observed], Observed] = kernel.tell
    return cloud.host(name, inventory=(gpu(0),), resources=KINDS, as_of=tell, **more)


def boot(cloud: Cloud, **specs: str) -> list[Server]:
    flavor = replace(cloud.plain, extra_specs=specs or {"resources:VGPU": "1"})
    made = create_servers(cloud.control, ADMIN, CreateServer("v", flavor, cloud.image), "req-v")
    place_round(cloud.control)
    return [cloud.server(each.id) for each in made]


def test_a_server_gets_an_instance_by_its_claim_and_is_active_when_its_host_says_so(vgpu_cloud: Cloud) -> None:
    there = host(vgpu_cloud, Kernel(gpu=2))

    [server] = boot(vgpu_cloud)
    [claim] = vgpu_cloud.live_claims()
    [grant] = there.desired().servers[0].devices
    there.obey()

    assert (claim.kind, claim.unit, claim.alias, claim.port) == ("mdev", "nvidia-35:0", "VGPU", 1)
    assert grant.unit == Mdev(GPU, "nvidia-35", claim.id)
    assert vgpu_cloud.server(server.id).status is ServerStatus.ACTIVE
    assert why(vgpu_cloud.control, ADMIN, server.id).devices == (f"{GPU} an instance of nvidia-35 (allocated)",)


def test_a_parent_that_is_no_pci_function_serves_as_well(vgpu_cloud: Cloud) -> None:
    there = host(vgpu_cloud, Kernel(mtty=1))

    boot(vgpu_cloud)
    [grant] = there.desired().servers[0].devices
    there.obey()

    assert isinstance(grant.unit, Mdev)
    assert grant.unit.parent == "mtty"
    assert [row.address for row in _views(vgpu_cloud)] == [GPU]  # it is no PCI device


def test_no_more_are_given_than_there_are_whatever_the_host_has_made_so_far(vgpu_cloud: Cloud) -> None:
    kernel = Kernel(gpu=2)
    there = host(vgpu_cloud, kernel)

    first, second = boot(vgpu_cloud), boot(vgpu_cloud)
    kernel.made["gpu"] = [claim.id for claim in vgpu_cloud.live_claims()]
    there.obey()
    [third] = boot(vgpu_cloud)

    assert [server.status for server in (*first, *second)] == [ServerStatus.BUILD] * 2
    assert third.status is ServerStatus.ERROR
    assert third.fault is not None
    assert "0 of 2 free" in third.fault.message + third.fault.details


def test_one_that_was_made_by_hand_is_not_given_away(vgpu_cloud: Cloud) -> None:
    kernel = Kernel(gpu=2)
    kernel.made["gpu"] = ["by-hand"]
    host(vgpu_cloud, kernel)

    servers = [boot(vgpu_cloud)[0] for _ in range(2)]

    assert [server.status for server in servers] == [ServerStatus.BUILD, ServerStatus.ERROR]


def test_a_place_is_free_when_its_host_says_that_the_instance_is_gone(vgpu_cloud: Cloud) -> None:
    kernel = Kernel(gpu=1)
    there = host(vgpu_cloud, kernel)
    [server] = boot(vgpu_cloud)
    [claim] = vgpu_cloud.live_claims()
    kernel.made["gpu"] = [claim.id]
    there.obey()
    delete_server(vgpu_cloud.control, ADMIN, server.id, "req-d")
    held = Held(server.id, Mdev(GPU, "nvidia-35", claim.id), claim_id=claim.id,
                fault=Fault("GiveBackDevice", "1 process holds it: qemu (77)", code="device-held"))  # fmt: skip

    there.report(held=[held])
    there.report(held=[held])
    stuck = vgpu_cloud.live_claims()
    [waiting] = boot(vgpu_cloud)
    kernel.made["gpu"] = []
    there.report()
    [served] = boot(vgpu_cloud)

    assert [each.id for each in stuck] == [claim.id]
    assert (waiting.status, served.status) == (ServerStatus.ERROR, ServerStatus.BUILD)
    told = [event.reason for event in get_device(vgpu_cloud.control, ADMIN, GPU).events]
    assert sum("qemu (77)" in reason for reason in told) == 1


def test_a_card_that_is_cut_is_not_given_whole_and_says_so(vgpu_cloud: Cloud) -> None:
    host(vgpu_cloud, Kernel(gpu=2))

    [whole] = vgpu_cloud.boot()
    boot(vgpu_cloud)

    view = get_device(vgpu_cloud.control, ADMIN, GPU).device
    assert whole.status is ServerStatus.ERROR
    assert whole.fault is not None
    assert "is cut into mediated devices" in whole.fault.message
    assert view.reason == "cut into mediated devices of the type nvidia-35 (VGPU): 1 of 2 free"


def test_a_card_that_a_server_has_whole_is_cut_once_it_is_back(cloud: Cloud) -> None:
    there = host(cloud, Kernel(gpu=2))
    [whole] = cloud.boot()
    there.obey()
    cloud.configure(mdev_rules=MdevRules([MdevRule("nvidia-35")]))

    [early] = boot(cloud)
    delete_server(cloud.control, ADMIN, whole.id, "req-d")
    there.report()
    [late] = boot(cloud)

    assert (early.status, late.status) == (ServerStatus.ERROR, ServerStatus.BUILD)
    assert early.fault is not None
    assert f"{GPU} belongs to server" in early.fault.details


def test_groups_come_from_parents_of_their_own(vgpu_cloud: Cloud) -> None:
    there = host(vgpu_cloud, Kernel(gpu=2, mtty=2))

    boot(vgpu_cloud, **{"resources1:VGPU": "1", "resources2:VGPU": "1", "group_policy": "isolate"})

    grants = there.desired().servers[0].devices
    assert {each.unit.parent for each in grants if isinstance(each.unit, Mdev)} == {GPU, "mtty"}
    assert len({each.port for each in grants}) == 2


def test_a_plan_names_the_parent_and_a_tenant_hears_of_no_address(vgpu_cloud: Cloud) -> None:
    host(vgpu_cloud, Kernel(gpu=1))
    flavor = replace(vgpu_cloud.plain, id=FlavorId("v1"), name="vgpu", extra_specs={"resources:VGPU": "1"})
    flavors.create_flavor(vgpu_cloud.control, ADMIN, flavor)

    [planned] = plan(vgpu_cloud.control, ADMIN, "vgpu").servers
    refusal = plan(vgpu_cloud.control, USER, "vgpu", 2).refusal

    assert planned.devices == (f"{GPU} an instance of nvidia-35 (VGPU)",)
    assert refusal is not None
    assert "0 of 1 free" in refusal.detail
    assert GPU not in refusal.detail + refusal.brief + refusal.remedy


def test_an_agent_that_does_not_know_the_kind_gets_no_such_server(vgpu_cloud: Cloud) -> None:
    vgpu_cloud.host("old", inventory=(gpu(0),), as_of=Kernel(gpu=2).tell)

    [server] = boot(vgpu_cloud)

    assert server.fault is not None
    assert "can't serve resources of the kind mdev" in server.fault.message


def test_a_quota_of_a_class_is_held(vgpu_cloud: Cloud) -> None:
    host(vgpu_cloud, Kernel(gpu=4))
    quotas.set_defaults(vgpu_cloud.control, ADMIN, {"resources:VGPU": 1})
    boot(vgpu_cloud)

    with pytest.raises(OverQuota, match="resources:VGPU"):
        boot(vgpu_cloud)


def test_a_parent_that_vanishes_gives_nothing_and_comes_back(vgpu_cloud: Cloud) -> None:
    kernel = Kernel(mtty=1)
    there = host(vgpu_cloud, kernel)
    kernel.total.pop("mtty")
    there.report()
    [early] = boot(vgpu_cloud)
    kernel.total["mtty"] = 1
    there.report()

    [late] = boot(vgpu_cloud)

    assert (early.status, late.status) == (ServerStatus.ERROR, ServerStatus.BUILD)


def _views(cloud: Cloud) -> list[Any]:
    from busway.control.devices.listing import list_devices

    found: list[Any] = list_devices(cloud.control, ADMIN)
    return found


def test_a_name_out_of_bounds_costs_no_report(vgpu_cloud: Cloud) -> None:
    kernel = Kernel(**{"x" * 65: 1, "mtty": 1})

    there = host(vgpu_cloud, kernel)
    [server] = boot(vgpu_cloud)
    there.obey()

    assert vgpu_cloud.server(server.id).status is ServerStatus.ACTIVE


def card_of_vfs(mode: str) -> Callable[[Observed], Observed]:
    """What a host tells of an L40S with four VFs, of which none has an instance."""
    types = (MdevTypeSeen("nvidia-1155", "NVIDIA L40S-12Q", 1), MdevTypeSeen("nvidia-1158", "NVIDIA L40S-24Q", 1))
    vfs = tuple(MdevParentSeen(f"0000:26:00.{n}", types, 0, "0000:26:00.0", mode) for n in range(4, 8))
    return lambda observed: replace(observed, mdev_parents=vfs)


@pytest.fixture
def sizes(cloud: Cloud) -> Cloud:
    rules = [
        MdevRule("nvidia-1155", ("0000:26:00.0",), "CUSTOM_12Q"),
        MdevRule("nvidia-1158", ("0000:26:00.0",), "CUSTOM_24Q"),
    ]
    cloud.configure(mdev_rules=MdevRules(rules))
    return cloud


def test_sizes_on_a_card_of_mixed_sizes_each_get_their_place_and_one_too_many_is_told_why(sizes: Cloud) -> None:
    there = sizes.host("h1", resources=KINDS, as_of=card_of_vfs("mixed"))

    small = [boot(sizes, **{"resources:CUSTOM_12Q": "1"})[0] for _ in range(2)]
    [large] = boot(sizes, **{"resources:CUSTOM_24Q": "1"})
    [late] = boot(sizes, **{"resources:CUSTOM_12Q": "1"})

    units = [grant.unit for server in there.desired().servers for grant in server.devices]
    assert [each.status for each in (*small, large)] == [ServerStatus.BUILD] * 3
    assert sorted((each.type_id, each.start) for each in units if isinstance(each, Mdev)) == [
        ("nvidia-1155", 0), ("nvidia-1155", 12), ("nvidia-1158", 24),
    ]  # fmt: skip
    assert late.fault is not None
    assert "it has 12 GB from 0, 12 GB from 12, 24 GB from 24" in late.fault.details


def test_a_card_of_equal_sizes_takes_another_size_once_it_is_empty(sizes: Cloud) -> None:
    there = sizes.host("h1", resources=KINDS, as_of=card_of_vfs(""))
    [small] = boot(sizes, **{"resources:CUSTOM_12Q": "1"})
    there.obey()

    [early] = boot(sizes, **{"resources:CUSTOM_24Q": "1"})
    delete_server(sizes.control, ADMIN, small.id, "req-d")
    there.report()
    [late] = boot(sizes, **{"resources:CUSTOM_24Q": "1"})

    assert (early.status, late.status) == (ServerStatus.ERROR, ServerStatus.BUILD)
    assert early.fault is not None
    assert "0000:26:00.0 is in equal-size mode and has 1 x 12 GB" in early.fault.details


def test_a_pf_whose_vfs_are_cut_is_not_given_whole(sizes: Cloud) -> None:
    pf = replace(gpu(0), address=PciAddress("0000:26:00.0"))
    sizes.host("h1", inventory=(pf,), resources=KINDS, as_of=card_of_vfs(""))

    [whole] = sizes.boot()

    assert whole.fault is not None
    assert "is cut into mediated devices" in whole.fault.message
