"""Wires a real agent together from the options of its command, and runs it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from busway import __version__
from busway.agent.agent import Agent
from busway.agent.conditions import Examine
from busway.agent.credential import read_credential, write_credential
from busway.agent.declared_devices import DeclaredDevices
from busway.agent.guest_gpus import GuestGpus
from busway.agent.link import HttpLink
from busway.agent.live.moves import LiveOptions
from busway.agent.log import log_to_stderr
from busway.agent.metrics_server import MetricsServer, parse_address
from busway.agent.own_address import own_address
from busway.agent.render import DeclaredNodes
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.domain.address import PciAddress
from busway.domain.dedicated_cpus import NO_SETS, CpuSets
from busway.domain.errors import InvalidConfig
from busway.domain.sriov_layout import SriovLayout
from busway.domain.vgpu import SizeMode
from busway.hardware.fabric_manager import run_program
from busway.hardware.kernel import SysfsKernel
from busway.hardware.numa import check_sets
from busway.hardware.scrub import SCRUB_SECONDS
from busway.hypervisor.adapter import LibvirtHypervisor
from busway.hypervisor.drawing import Drawing, ask_qemu
from busway.hypervisor.guest import GuestOptions, SpiceOptions
from busway.hypervisor.seam import Hypervisor
from busway.networking.networks import HostNetworks, control_plane
from busway.tracing.otlp import make_tracer


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What the command line says; `interval` and `resource_view` are in seconds."""

    credential: Path
    state: Path = Path("/var/lib/busway/agent")
    bridges: Mapping[str, str] = field(default_factory=dict)  # the operator's, by physical network
    libvirt_uri: str = "qemu:///system"
    virt_type: str = "auto"  # or "kvm", "qemu"
    interval: float = 3.0
    resource_view: float = 60.0
    rom_bar: bool = True
    hugepages: bool = False
    cpu: str = ""  # the guests' CPU mode in libvirt's words, "" for the one that fits the virt type
    cpu_model: str = ""
    cpus: CpuSets = NO_SETS
    scrubs: Mapping[str, Path] = field(default_factory=dict)  # programs that clean devices, by vendor:device
    scrub_seconds: float = SCRUB_SECONDS
    layouts: tuple[SriovLayout, ...] = ()
    fabric_manager: str = ""  # NVIDIA's client of it; "" where the host has no NVLink fabric to share
    fabric_modules: Mapping[int, PciAddress] = field(default_factory=dict)
    vgpu_modes: Mapping[PciAddress, SizeMode] = field(default_factory=dict)
    render: DeclaredNodes = field(default_factory=DeclaredNodes)
    spice: SpiceOptions | None = None  # a SPICE screen of guests, and where it listens
    live_listen: str = ""  # address and port for guests that arrive; "" for the address towards the control plane
    live_address: str = ""  # where other hosts reach it; "" for the same
    metrics: str = ""  # address and port; "" serves none
    metrics_token: Path | None = None
    traces: str = ""  # the collector that traces are sent to; "" for none
    guest_gpus: tuple[str, ...] = ()  # the program that reports the GPUs in guests, with its arguments; () asks none


# Where dnsmasq, which is a user of its own, reads its lists; gone with the host's next start, as dnsmasq is.
_RUN = Path("/run/busway/networks")


def _check_cpu(options: AgentOptions) -> None:
    if (options.cpu == "custom") != bool(options.cpu_model):
        raise InvalidConfig(
            "The CPU mode custom needs a model; other modes accept none",
            remedy="Start the agent with --cpu-mode custom --cpu-model NAME (`virsh cpu-models x86_64`).",
            code="cpu-model",
        )


def build_agent(
    options: AgentOptions,
    crashpoint: Callable[[str], None] = lambda _point: None,
    examine: Examine | None = None,
) -> Agent:
    """Reads the credential, takes the folder's lock for the life of the process, and connects the seams.

    Nothing is sent yet. With virt_type "auto" libvirt must answer now; otherwise it may come later.
    """
    _check_cpu(options)
    kernel = SysfsKernel()
    check_sets(kernel.root, options.cpus)
    credential = read_credential(options.credential)
    state = StateFolder(options.state)
    state.lock()
    hypervisor = LibvirtHypervisor(options.libvirt_uri)
    asking = options.guest_gpus
    link = HttpLink(credential, keep=partial(write_credential, options.credential))
    return Agent(
        credential.host,
        guest_gpus=GuestGpus(hypervisor.ask_guest, asking, time.monotonic) if asking else None,
        link=link,
        hypervisor=hypervisor,
        kernel=kernel,
        state=state,
        networks=HostNetworks(_RUN, options.bridges, lambda: control_plane(credential.url), post=link.post_password),
        options=GuestOptions(
            virt_type=_virt_type(options.virt_type, hypervisor),
            bridges=options.bridges,
            rom_bar=options.rom_bar,
            hugepages=options.hugepages,
            cpu=options.cpu,
            cpu_model=options.cpu_model,
            cpus=options.cpus,
            spice=options.spice,
        ),
        timing=Timing(interval=options.interval, resource_view=options.resource_view, scrub=options.scrub_seconds),
        crashpoint=crashpoint,
        examine=examine,
        tracer=make_tracer(options.traces, "busway-agent", __version__, **{"host.name": credential.host}),
        devices=DeclaredDevices(
            options.scrubs,
            options.layouts,
            options.vgpu_modes,
            fabric_manager=run_program(options.fabric_manager) if options.fabric_manager else None,
            fabric_modules=options.fabric_modules,
            render=replace(options.render, lacking=Drawing(ask_qemu, time.monotonic).why_not),
        ),
        live=_live(options, credential.url),
        url=credential.url,
    )


def _live(options: AgentOptions, url: str) -> LiveOptions:
    """Where guests arrive; an address for others may be a name."""
    try:
        listen = parse_address(options.live_listen) if options.live_listen else (own_address(url) or "127.0.0.1", 0)
    except InvalidConfig as error:
        raise InvalidConfig(
            error.brief, remedy="Write --live-listen like 10.0.0.11:16514.", code="live-address"
        ) from error
    if options.live_address and not options.live_address.rpartition(":")[2].isdigit():
        raise InvalidConfig(
            f"{options.live_address} is not an address with a port",
            remedy="Write --live-address like host11.example.org:16514.",
            code="live-address",
        )
    return LiveOptions(listen, options.live_address)


@contextmanager
def serving_metrics(agent: Agent, options: AgentOptions) -> Iterator[None]:
    """Serves the agent's metrics until the block ends, where its options say so."""
    if not options.metrics:
        yield
        return
    token = options.metrics_token.read_text("utf-8").strip() if options.metrics_token else ""
    server = MetricsServer(agent.meters, *parse_address(options.metrics), token)
    try:
        yield
    finally:
        server.close()


def run_agent(
    options: AgentOptions, *, once: bool = False, crashpoint: Callable[[str], None] = lambda _point: None
) -> None:
    """Runs an agent until SIGTERM or SIGINT; it ends after the round that it is in."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with closing(build_agent(options, crashpoint)) as agent, serving_metrics(agent, options):
        if once:
            agent.round()
            agent.finish()
        else:
            agent.run(stop)


def _virt_type(wanted: str, hypervisor: Hypervisor) -> str:
    if wanted in ("kvm", "qemu"):
        return wanted
    if wanted != "auto":
        raise InvalidConfig(
            f"'{wanted}' is not a virtualization type", remedy="Use auto, kvm or qemu.", code="invalid-virt-type"
        )
    return "kvm" if "kvm" in hypervisor.facts().virt_types else "qemu"
