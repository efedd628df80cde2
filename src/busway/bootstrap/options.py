"""The options of `busway.conf`, with Nova's sections, names and old names wherever the meaning is Nova's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oslo_config import cfg, types

from busway.bootstrap.import_options import (
    BACKENDS,
    GLANCE_DOWNLOAD_PROPERTIES,
    GLANCE_STORE,
    HASHING,
    IMAGE_CONVERSION,
    IMAGE_IMPORT_OPTIONS,
    IMPORT_FILTERING_OPTS,
)
from busway.bootstrap.scheduling import OPTIONS as SCHEDULING
from busway.domain.errors import InvalidConfig
from busway.domain.host_facts import ISOLATION
from busway.domain.limit import FLAT, MODELS
from busway.domain.password_rules import MOST_REMEMBERED
from busway.domain.quota import DEFAULTS, OF_IMAGES
from busway.pki.ed25519 import check_public
from busway.store.retention import RETENTIONS


class _PublicKey(types.String):
    """A public key, as oslo.config checks words."""

    def __call__(self, value: str) -> str:
        try:
            return check_public(value)
        except InvalidConfig as error:
            raise ValueError(f"{error.brief}: {error.detail}") from error


class _Pattern(types.String):
    """A regular expression, as oslo.config checks words."""

    def __call__(self, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return value


PCI = [
    cfg.MultiStrOpt(
        "alias",
        default=[],
        deprecated_opts=[cfg.DeprecatedOpt("pci_alias", group="DEFAULT")],
        help="A name for a kind of device, as one JSON object. Repeat it for more; one name twice means either.",
    ),
    cfg.MultiStrOpt(
        "device_spec",
        default=[],
        deprecated_opts=[
            cfg.DeprecatedOpt("passthrough_whitelist", group="pci"),
            cfg.DeprecatedOpt("pci_passthrough_whitelist", group="DEFAULT"),
        ],
        help="Which devices servers may get, as a JSON object or a list of objects. Repeat it for more.",
    ),
]

FILTER_SCHEDULER = [
    cfg.BoolOpt(
        "pci_in_placement",
        default=False,
        help="Whether the resource class and the traits of aliases and device specs count.",
    ),
    *SCHEDULING,
]

DEFAULT = [
    cfg.FloatOpt("cpu_allocation_ratio", default=4.0, min=0.0, help="Guests' vCPUs per CPU of a host."),
    cfg.FloatOpt("ram_allocation_ratio", default=1.0, min=0.0, help="Guests' RAM per RAM of a host."),
    cfg.FloatOpt("disk_allocation_ratio", default=1.0, min=0.0, help="Guests' disks per disk of a host."),
    cfg.IntOpt("reserved_host_memory_mb", default=512, min=0, help="RAM of each host that guests never get, in MB."),
    cfg.BoolOpt(
        "resume_guests_state_on_host_boot",
        default=False,
        help="Whether guests that ran are started again after their host was restarted; otherwise they are shut off.",
    ),
    cfg.IntOpt(
        "shelved_offload_time",
        default=0,
        min=-1,
        help="How many seconds a shelved server keeps its host and devices; 0 for none, -1 until it is offloaded by "
        "hand.",
    ),
    cfg.IntOpt(
        "reclaim_instance_interval",
        default=0,
        help="How many seconds a deleted server is kept with its disk and its devices (SOFT_DELETED), so that it can be "
        "restored; 0: servers are deleted at once, and those that are SOFT_DELETED are kept until somebody acts.",
    ),
    *HASHING,
    *BACKENDS,
]

SCHEDULER = [
    cfg.BoolOpt(
        "limit_tenants_to_placement_aggregate",
        default=False,
        help="Whether servers of a project that aggregates name (`filter_tenant_id`) go to the hosts of these only.",
    ),
    cfg.BoolOpt(
        "placement_aggregate_required_for_tenants",
        default=False,
        help="Whether, with the option above, a project that no aggregate names gets no host at all.",
    ),
]

_QUOTAS = {
    "instances": "Servers that a project may have; -1 means no limit. Projects may have quotas of their own.",
    "cores": "vCPUs of a project's servers together.",
    "ram": "MB of RAM of a project's servers together.",
    "disk": "GB of disks of a project's servers together: root, ephemeral and swap.",
    "metadata_items": "Metadata of one server.",
    "injected_files": "Files that one request may put into a server (`personality`, below microversion 2.57).",
    "injected_file_content_bytes": "Bytes of one such file.",
    "injected_file_path_bytes": "Bytes of the path of one such file.",
    "key_pairs": "Key pairs of one user.",
    "server_groups": "Server groups of a project.",
    "server_group_members": "Servers in one server group.",
    "image_size_total": "MiB of the data of a project's images together.",
    "image_stage_total": "MiB of a project's data that is staged and not imported yet.",
    "image_count_total": "Images of a project.",
    "image_count_uploading": "Images of a project that are uploaded, staged or imported at one time.",
}
# Nova has none for disks, and for paths one that differs from that in its API.
_OLD_QUOTAS: dict[str, list[cfg.DeprecatedOpt]] = {
    "disk": [],
    "injected_file_path_bytes": [
        cfg.DeprecatedOpt("injected_file_path_length", group="quota"),
        cfg.DeprecatedOpt("quota_injected_file_path_length", group="DEFAULT"),
    ],
}
QUOTA = [
    cfg.IntOpt(
        name,
        default=DEFAULTS[name],
        min=-1,
        deprecated_opts=[]
        if name in OF_IMAGES
        else _OLD_QUOTAS.get(name, [cfg.DeprecatedOpt(f"quota_{name}", "DEFAULT")]),
        help=text,
    )
    for name, text in _QUOTAS.items()
]

UNIFIED_LIMIT = [
    cfg.StrOpt(
        "enforcement_model",
        default=FLAT,
        choices=list(MODELS),
        help="How limits depend on each other: with strict_two_level domains have limits too, each for all projects of "
        "the domain together.",
    ),
]

RETENTION = [
    cfg.IntOpt(each.option, default=each.days, min=0, help=f"{each.help} Kept for so many days; 0 is for ever.")
    for each in RETENTIONS
]

DATABASE = [
    cfg.StrOpt(
        "connection",
        help="Where the state is kept: sqlite:////path/file.db or postgresql://user@host/name. "
        "Default: busway.db in the state folder.",
    ),
]

TLS = [
    cfg.BoolOpt(
        "plain_http",
        help="True serves plain HTTP on any address, false HTTPS on a loopback address too. "
        "Default: plain HTTP on a loopback address, HTTPS on every other one.",
    ),
    cfg.StrOpt(
        "tls_certificate",
        help="The certificate to show, with its chain, as PEM. Default: one of Busway's own, made at the first start.",
    ),
    cfg.StrOpt("tls_key", help="Its key as PEM, without a passphrase. Default: it is in the file of the certificate."),
    cfg.StrOpt(
        "tls_ca",
        default="system",
        help="The authority that vouches for tls_certificate, as PEM, for clients and agents; "
        "system: one that their systems trust already.",
    ),
    cfg.ListOpt("tls_names", default=[], help="More names and addresses for Busway's own certificate."),
    cfg.BoolOpt(
        "agent_certificates", default=False, help="Whether an agent must show its certificate too (mutual TLS)."
    ),
    cfg.IntOpt(
        "join_seconds", default=3600, min=60, help="How long the token that `busway host create` prints is good."
    ),
    cfg.IntOpt(
        "credential_seconds",
        default=30 * 86400,
        min=60,
        max=60 * 86400,
        help="After how long an agent gets itself a new credential.",
    ),
]

BUSWAY = [
    cfg.StrOpt(
        "state_path", help="The state folder. Default: /var/lib/busway for root, ~/.local/state/busway otherwise."
    ),
    cfg.StrOpt("listen", default="127.0.0.1", help="The address on which the APIs are served."),
    cfg.PortOpt("port", default=8774, help="The port on which the APIs are served; 0 takes a free one."),
    cfg.IntOpt(
        "max_connections",
        default=4096,
        min=16,
        help="Open connections of all clients and agents together; further ones are closed at once.",
    ),
    cfg.IntOpt(
        "max_connections_per_address",
        default=256,
        min=4,
        help="Those of one IPv4 address, or of one IPv6 network of 64 bits.",
    ),
    cfg.StrOpt(
        "public_url",
        help="The URL for clients and agents. Default: https://LISTEN:PORT, or http on a loopback address; "
        "this machine's name where LISTEN means all addresses.",
    ),
    *TLS,
    cfg.IntOpt("token_seconds", default=86400, min=60, help="How long a token is good."),
    cfg.IntOpt(
        "password_memory_kib", default=65536, min=8, help="How much memory the hash of a password takes, in KiB."
    ),
    cfg.IntOpt("password_iterations", default=3, min=1, help="How often that memory is gone through."),
    cfg.IntOpt("password_lanes", default=4, min=1, help="How many parts of that memory are worked on at once."),
    cfg.IntOpt(
        "password_threads", default=2, min=1, help="How many passwords are checked at once; others wait for their turn."
    ),
    cfg.IntOpt("lease_seconds", default=30, min=5, help="A host whose agent has not reported for so long is down."),
    cfg.IntOpt(
        "max_image_bytes", default=64 * 1024**3, min=1, help="The largest image that may be uploaded, in bytes."
    ),
    cfg.IntOpt(
        "image_disk_reserve_mb",
        default=1024,
        min=0,
        help="How many MiB of the disk of images stay free for all else: an upload that would need them is refused.",
    ),
    cfg.StrOpt(
        "image_catalogue",
        default="",
        help="Where `busway image pull` finds ready images: a catalogue's URL, or a path where the command runs.",
    ),
    cfg.ListOpt(
        "image_catalogue_keys",
        default=[],
        item_type=_PublicKey(),
        help="The public keys of its publisher, any of which may have signed it.",
    ),
    cfg.ListOpt(
        "accept_weak_isolation",
        default=[],
        item_type=types.String(choices=list(ISOLATION)),
        help="Weaknesses with which hosts may still offer devices: unsafe-interrupts, acs-override. For tenants who "
        "trust each other.",
    ),
    cfg.StrOpt(
        "metrics_token",
        default="",
        secret=True,
        help="What Prometheus must show to read /metrics; without it only this machine may.",
    ),
    cfg.StrOpt(
        "traces_endpoint",
        default="",
        help="Where traces go: a collector that takes OTLP over HTTP, as http://127.0.0.1:4318/v1/traces. Default: nowhere.",
    ),
    cfg.StrOpt(
        "region", default="RegionOne", help="The region with which the service catalog is filled at the first start."
    ),
    cfg.StrOpt("network_name", default="private", help="The name of the network that servers are on."),
    cfg.StrOpt(
        "network_driver",
        default="local",
        choices=["local", "bridge"],
        help="Where it lies: local is a bridge that each host makes, with NAT; bridge is the one of the agents' "
        "--bridge.",
    ),
    cfg.StrOpt("network_cidr", default="10.66.0.0/24", help="Its addresses."),
    cfg.StrOpt("network_first", default="10.66.0.10", help="The first address that a server may get."),
    cfg.StrOpt("network_last", default="10.66.0.250", help="The last one."),
    cfg.StrOpt("network_gateway", default="10.66.0.1", help="The gateway of the servers; empty for none."),
    cfg.StrOpt(
        "network_cidr6",
        default="auto",
        help="Its IPv6 addresses, a /64; auto is a unique local one for the driver local and none for bridge; empty "
        "for none.",
    ),
    cfg.BoolOpt("network_dhcp", default=True, help="Whether hosts give their guests addresses by DHCP."),
    cfg.ListOpt(
        "network_dns", default=[], help="DNS servers: of guests with bridge, behind the host's own with local."
    ),
    cfg.StrOpt("network_physical", default="default", help="The physical network, as the agents' --bridge names it."),
    cfg.IntOpt("network_vlan", default=0, min=0, max=4094, help="Its VLAN on that bridge; 0 for none."),
    cfg.StrOpt(
        "project_cidr", default="10.67.0.0/16", help="Where projects may choose the addresses of their networks."
    ),
    cfg.StrOpt(
        "auto_allocated_cidr",
        default="10.68.0.0/22",
        help="The addresses of the network that is made for a project that has none, with a router; the same for each.",
    ),
    cfg.StrOpt(
        "project_network_type",
        default="local",
        choices=["local", "geneve"],
        help="The type of networks that are created without one; geneve needs [ovn] ovn_nb_connection.",
    ),
    cfg.StrOpt(
        "dns_domain", default="busway.internal", help="The domain of guests' names on networks with Busway's DNS."
    ),
]

CONSOLEAUTH = [
    cfg.IntOpt("token_ttl", default=600, min=1, help="How many seconds a link to a console is good."),
]

SPICE = [
    cfg.BoolOpt("enabled", default=False, help="Whether links to SPICE consoles (type spice-direct) are given out."),
    cfg.URIOpt(
        "spice_direct_proxy_base_url",
        schemes=["http", "https"],
        default="http://127.0.0.1:13002/nova",
        help="The address of the operator's SPICE proxy, to which these links lead with their token.",
    ),
]

OSLO_POLICY = [
    cfg.StrOpt("policy_file", help="A policy.yaml with rules of rights that take the place of the built-in ones."),
]

OIDC = [
    cfg.StrOpt("issuer", help="The issuer of an OpenID Connect provider whose tokens are a log-in; none by default."),
    cfg.StrOpt("audience", default="busway", help="What the provider's tokens must be for."),
    cfg.StrOpt("identity_provider", default="oidc", help="The provider's name, as clients give it."),
    cfg.StrOpt("protocol", default="openid", help="The protocol's name, as clients give it."),
    cfg.StrOpt("username_claim", default="preferred_username", help="The claim that has the user's name."),
    cfg.StrOpt("groups_claim", default="groups", help="The claim that has the user's groups."),
    cfg.MultiStrOpt(
        "mapping",
        default=[],
        help='Who is in a group has a role: {"group": "ml", "project": "lab", "role": "member"}. Repeat it for more.',
    ),
]

OVN = [
    cfg.StrOpt(
        "ovn_nb_connection",
        help="OVN's northbound database, for networks of type geneve: unix:PATH or ssl:HOST:PORT; separate the servers of "
        "a cluster by commas. Default: none.",
    ),
    cfg.StrOpt("ovn_nb_ca_cert", help="The authority of its certificate, as PEM. Default: those of the system."),
    cfg.StrOpt("ovn_nb_certificate", help="What the control plane shows it, as PEM."),
    cfg.StrOpt("ovn_nb_private_key", help="The key of that, as PEM, without a passphrase."),
]

SECURITY_COMPLIANCE = [
    cfg.Opt(
        "password_regex",
        type=_Pattern(),
        help="The pattern that new passwords match, in Python's language; write $$ for a dollar sign. Default: none.",
    ),
    cfg.StrOpt("password_regex_description", help="What a user reads who chose one that does not match."),
    cfg.IntOpt(
        "minimum_password_age", default=0, min=0, help="After how many days users may change their own password again."
    ),
    cfg.IntOpt(
        "password_expires_days",
        min=1,
        help="After how many days a password must be changed before it opens anything else. Default: never.",
    ),
    cfg.IntOpt(
        "unique_last_password_count",
        default=0,
        min=0,
        max=MOST_REMEMBERED,
        help="How many of a user's last passwords, that of now among them, their next one may not be.",
    ),
]

DEVICES = [
    cfg.ListOpt(
        "enabled_mdev_types",
        default=[],
        deprecated_opts=[cfg.DeprecatedOpt("enabled_vgpu_types", group="devices")],
        help="The types of mediated devices (vGPUs) that hosts give; each may have a group [mdev_TYPE].",
    ),
]

SECTIONS: dict[str, Sequence[cfg.Opt]] = {
    "DEFAULT": DEFAULT,
    "pci": PCI,
    "devices": DEVICES,
    "filter_scheduler": FILTER_SCHEDULER,
    "scheduler": SCHEDULER,
    "quota": QUOTA,
    "unified_limit": UNIFIED_LIMIT,
    "retention": RETENTION,
    "database": DATABASE,
    "consoleauth": CONSOLEAUTH,
    "spice": SPICE,
    "oslo_policy": OSLO_POLICY,
    "oidc": OIDC,
    "ovn": OVN,
    "security_compliance": SECURITY_COMPLIANCE,
    "glance_store": GLANCE_STORE,
    "import_filtering_opts": IMPORT_FILTERING_OPTS,
    "image_conversion": IMAGE_CONVERSION,
    "image_import_options": IMAGE_IMPORT_OPTIONS,
    "glance_download_properties": GLANCE_DOWNLOAD_PROPERTIES,
    "busway": BUSWAY,
}

# Options of Nova in a section of ours that are known to mean nothing here: hosts always report all their devices.
UNUSED = frozenset({("pci", "report_in_placement")})
