"""What the operator configured, parsed once into values; only bootstrap reads files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from busway.domain.aggregate_words import AggregateRules
from busway.domain.alias import Alias, Aliases
from busway.domain.config_warning import Located
from busway.domain.device_spec import DeviceSpec, DeviceSpecs
from busway.domain.document_room import SERVERS_PER_HOST
from busway.domain.image_conversion import ImageConversion
from busway.domain.image_hash import DEFAULT_HASH
from busway.domain.image_store import ImageStores
from busway.domain.import_rules import ImportRules
from busway.domain.limit import FLAT
from busway.domain.mdev import MdevRules
from busway.domain.openid import OpenId
from busway.domain.password_rules import PasswordRules
from busway.domain.remote_image import USUAL_PROPERTIES
from busway.scheduler.policy import DEFAULT_POLICY, Policy


@dataclass(frozen=True, slots=True)
class Ratios:
    """How much of a host guests may have, as a multiple of what there is."""

    cpu: float
    ram: float
    disk: float


@dataclass(frozen=True, slots=True)
class Settings:
    """The control plane's settings; times are in seconds.

    `aliases` and `device_specs` are those of the file; `busway.control.rules.in_force` has those in force. How the file
    puts them, with lines, is in `written_aliases` and `written_specs`.
    """

    aliases: Aliases
    device_specs: DeviceSpecs
    written_aliases: tuple[Located[Alias], ...] = ()
    written_specs: tuple[Located[tuple[DeviceSpec, ...]], ...] = ()
    pci_in_placement: bool = False
    mdev_rules: MdevRules = field(default_factory=MdevRules)
    policy: Policy = DEFAULT_POLICY
    password_rules: PasswordRules = field(default_factory=PasswordRules)
    public_url: str = "http://127.0.0.1:8774"
    token_seconds: int = 86400
    password_memory_kib: int = 65536
    password_iterations: int = 3
    password_lanes: int = 4
    password_threads: int = 2
    lease_seconds: int = 30
    agent_certificates: bool = False  # whether agents must show certificates (mutual TLS)
    join_seconds: int = 3600
    credential_seconds: int = 30 * 86400
    console_token_ttl: int = 600
    spice_proxy_url: str = ""  # what links to SPICE consoles lead to; "" gives none
    region: str = "RegionOne"
    traces_endpoint: str = ""  # the collector that traces are sent to; "" for none
    metrics_token: str = ""  # who may read /metrics; "" for whoever is on this machine
    network_name: str = "private"
    network_driver: str = "local"
    network_cidr: str = "10.66.0.0/24"
    network_first: str = "10.66.0.10"
    network_last: str = "10.66.0.250"
    network_gateway: str = "10.66.0.1"
    network_cidr6: str = "auto"
    network_dhcp: bool = True
    network_dns: tuple[str, ...] = ()
    network_physical: str = "default"
    network_vlan: int = 0
    project_cidr: str = "10.67.0.0/16"
    auto_allocated_cidr: str = "10.68.0.0/22"
    project_network_type: str = "local"  # of networks that are created without one; a word of the API
    dns_domain: str = "busway.internal"
    max_image_bytes: int = 64 * 1024**3
    image_disk_reserve_mb: int = 0
    image_catalogue: str = ""  # where clients find ready images
    image_catalogue_keys: tuple[str, ...] = ()  # whose signature they believe
    hashing_algorithm: str = DEFAULT_HASH  # of images' data; a word of `busway.domain.image_hash.HASHES`
    imports: ImportRules = field(default_factory=ImportRules)
    copied_properties: tuple[str, ...] = USUAL_PROPERTIES  # beginnings of names, of images of other regions
    image_stores: ImageStores = field(default_factory=ImageStores)
    conversion: ImageConversion = field(default_factory=ImageConversion)
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    reserved_host_memory_mb: int = 512
    max_instances_per_host: int = SERVERS_PER_HOST
    limit_tenants_to_placement_aggregate: bool = False
    placement_aggregate_required_for_tenants: bool = False
    resume_guests_state_on_host_boot: bool = False
    shelved_offload_time: int = 0
    reclaim_instance_interval: int = 0  # how long a deleted server can be restored; 0 and below: not at all
    accept_weak_isolation: tuple[str, ...] = ()  # words of `busway.domain.host_facts.ISOLATION`
    openid: OpenId | None = None
    quota: Mapping[str, int] = field(default_factory=dict)  # of projects that have none of their own; -1 is no limit
    enforcement_model: str = FLAT  # a word of `busway.domain.limit.MODELS`
    retention: Mapping[str, int] = field(default_factory=dict)  # days by option; what is not there has its default

    def ratios(self, rules: AggregateRules) -> Ratios:
        """The ratios of a host: those of its aggregates, or else those of the configuration."""
        return Ratios(
            rules.cpu_ratio or self.cpu_allocation_ratio,
            rules.ram_ratio or self.ram_allocation_ratio,
            rules.disk_ratio or self.disk_allocation_ratio,
        )
