"""Strategies for clouds in which many hosts are alike, and requests that some of them can serve."""

from dataclasses import replace

from hypothesis import strategies as st

from busway.domain.address import PciAddress
from busway.domain.alias import Alias, AliasSpec, PciRequest
from busway.domain.device import DeviceKind
from busway.domain.device_tags import DeviceTags
from busway.domain.ids import DeviceId, GroupId, HostId, ServerId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import DeviceState, HostState, NumaCell, PlacementRequest, ServerGroup, Snapshot
from busway.domain.server_group import GroupPolicy
from busway.domain.within import Within
from busway.scheduler.policy import CHOOSABLE, Policy
from tests.scheduler.clouds import A1, VF, host, state

GPU_OR_AUDIO = Alias("either", (AliasSpec("1234", "1111"), AliasSpec("1234", "2668")))
AUDIO = Alias("audio", (AliasSpec("1234", "2668"),))
PF_ALIAS = Alias("pf", (AliasSpec("10de", "2330", DeviceKind.PF),))
ALL_ON = Policy(filters=frozenset(CHOOSABLE))
_TAGGED = DeviceTags(trusted=True, count=1)
_OWNERS = (None, None, None, ServerId("s8"), ServerId("s9"))


@st.composite
def devices(draw: st.DrawFn) -> tuple[DeviceState, ...]:
    found = []
    for slot in range(draw(st.integers(1, 5))):
        group = draw(st.sampled_from([slot, slot, slot, 9, None]))
        node = draw(st.sampled_from([0, 0, 1, 1, None]))
        switch = draw(st.sampled_from([None, PciAddress("0000:40:00.0"), PciAddress("0000:50:00.0")]))
        for function in range(draw(st.sampled_from([1, 1, 2]))):
            found.append(
                state(
                    "t",
                    f"0000:41:{slot:02x}.{function}",
                    group,
                    offered=draw(st.sampled_from([True, True, True, False])),
                    present=draw(st.sampled_from([True, True, True, False])),
                    numa_node=node,
                    product_id="2668" if function else "1111",
                    claimed_by=draw(st.sampled_from(_OWNERS)),
                    quarantined=draw(st.sampled_from([None, None, None, None, "broken"])),
                    tags=draw(st.sampled_from([DeviceTags(), _TAGGED])),
                    switch=switch,
                )
            )
    if draw(st.sampled_from([False, False, True])):
        found.extend(_sriov(draw))
    return tuple(found)


def _sriov(draw: st.DrawFn) -> list[DeviceState]:
    ids = {"vendor_id": "10de", "product_id": "2330"}
    made = [state("t", "0000:83:00.0", 50, kind=DeviceKind.PF, claimed_by=draw(st.sampled_from(_OWNERS)), **ids)]
    for n in range(draw(st.integers(0, 3))):
        owner = draw(st.sampled_from(_OWNERS))
        parent = PciAddress("0000:83:00.0")
        made.append(
            state("t", f"0000:83:00.{n + 1}", 51 + n, kind=DeviceKind.VF, parent=parent, claimed_by=owner, **ids)
        )
    return made


@st.composite
def templates(draw: st.DrawFn) -> HostState:
    cells = draw(st.sampled_from([(), (), (NumaCell(0, 4, 4096, 0), NumaCell(1, 2, 2048, 1))]))
    return host(
        "t",
        draw(devices()),
        up=draw(st.sampled_from([True, True, True, False])),
        enabled=draw(st.sampled_from([True, True, True, False])),
        free_ram_mb=draw(st.sampled_from([128, 512, 4096])),
        free_vcpus=draw(st.sampled_from([0, 8])),
        free_disk_gb=draw(st.sampled_from([1, 100])),
        zone=draw(st.sampled_from(["nova", "nova", "other"])),
        cells=cells,
        aggregates=draw(st.sampled_from([(), (), ((("gpu", "h100"),),), ((("gpu", "a100, l40s"),), (("n", "4"),))])),
        capabilities=draw(st.sampled_from([None, None, (("hypervisor_version", "7002022"),)])),
        projects=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"p1"}), frozenset({"p1", "p2"})])),
        elsewhere=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"p2"}), None])),
    )


@st.composite
def snapshots(draw: st.DrawFn, *, least: int = 0) -> Snapshot:
    known = draw(st.lists(templates(), min_size=1, max_size=3))
    chosen = draw(st.lists(st.sampled_from(known), min_size=least, max_size=7))
    order = draw(st.permutations(range(len(chosen))))
    return Snapshot(tuple(_named(template, f"h{n}") for n, template in zip(order, chosen, strict=True)))


def _named(template: HostState, name: str) -> HostState:
    """The template as a host of its own, with group numbers of its own."""
    shift = int(name[1:])
    states = []
    for each in template.devices:
        group = each.device.iommu_group
        device = replace(each.device, iommu_group=None if group is None else group + shift)
        states.append(replace(each, id=DeviceId(f"{name}:{each.device.address}"), device=device))
    return replace(template, id=HostId(f"id-{name}"), name=name, devices=tuple(states))


pci_requests = st.lists(
    st.builds(
        PciRequest,
        st.sampled_from([A1, A1, A1, GPU_OR_AUDIO, AUDIO, VF, PF_ALIAS]),
        st.integers(1, 3),
        st.sampled_from([None, *NumaPolicy]),
    ),
    max_size=2,
).map(tuple)
pci_requests = st.builds(
    lambda found, within: tuple(replace(each, within=within) for each in found),
    pci_requests,
    st.sampled_from([None, None, None, None, *Within]),
)

groups = st.builds(
    ServerGroup,
    id=st.just(GroupId("g")),
    name=st.just("g"),
    policy=st.sampled_from(list(GroupPolicy)),
    members=st.lists(st.sampled_from(["h0", "h1", "h2", "gone"]), max_size=4).map(tuple),
    max_per_host=st.integers(1, 2),
)
_SPECS = (
    (),
    (),
    (("aggregate_instance_extra_specs:gpu", "<or> h100 <or> l40s"),),
    (("aggregate_instance_extra_specs:gpu", "a100"), ("aggregate_instance_extra_specs:n", ">= 3")),
    (("capabilities:hypervisor_version", ">= 8000000"), ("hw:pmu", "true")),
)

demanding_requests = st.builds(
    PlacementRequest,
    server_id=st.just(ServerId("s1")),
    vcpus=st.sampled_from([1, 4, 16]),
    ram_mb=st.sampled_from([128, 1024, 8192]),
    disk_gb=st.sampled_from([0, 10, 1000]),
    pci=pci_requests,
    host=st.sampled_from([None, None, None, None, "h0", "nowhere"]),
    zone=st.sampled_from([None, None, "nova", "other"]),
    numa_nodes=st.sampled_from([0, 0, 0, 1, 2]),
    extra_specs=st.sampled_from(_SPECS),
    group=st.one_of(st.none(), groups),
    project=st.sampled_from([None, "p1", "p1", "p2", "p3"]),
)

easy_requests = st.builds(
    PlacementRequest,
    server_id=st.just(ServerId("s1")),
    vcpus=st.sampled_from([0, 0, 0, 4]),
    ram_mb=st.sampled_from([128, 128, 128, 1024]),
    disk_gb=st.just(0),
    pci=pci_requests,
    group=st.one_of(st.none(), st.none(), groups),
)

requests = st.one_of(easy_requests, easy_requests, demanding_requests)


@st.composite
def scarce_snapshots(draw: st.DrawFn) -> Snapshot:
    """Roomy hosts of equal GPUs, of which most are taken, broken, or not offered."""
    hosts = []
    for number in range(draw(st.integers(1, 3))):
        states = [
            state(
                f"h{number}",
                f"0000:{0x41 + n:02x}:00.0",
                n,
                numa_node=n // 2,
                claimed_by=draw(st.sampled_from([None, *(ServerId(f"s{o}") for o in range(4))])),
                quarantined=draw(st.sampled_from([None, None, None, "broken"])),
                offered=draw(st.sampled_from([True, True, True, False])),
            )
            for n in range(draw(st.integers(2, 6)))
        ]
        up, enabled = draw(st.sampled_from([(True, True), (True, True), (False, True), (True, False), (False, False)]))
        hosts.append(host(f"h{number}", states, up=up, enabled=enabled, free_ram_mb=draw(st.sampled_from([64, 4096]))))
    return Snapshot(tuple(hosts))
