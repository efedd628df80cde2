"""tempest.conf: what Busway says that it does. What is true here and fails is a fault; what is false is skipped."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

from tools.tempest.cloud import HOSTS, SECOND_IMAGES, TempestCloud
from tools.tempest.formats import IMPORTED, STORED
from tools.tempest.guests import FLAVORS, NETWORK, GuestCloud

_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "auth": {
        "use_dynamic_credentials": "true",
        "admin_username": "admin",
        "admin_project_name": "admin",
        "admin_domain_name": "Default",
        "create_isolated_networks": "false",
        "default_credentials_domain_name": "Default",
    },
    "identity": {
        "auth_version": "v3",
        "region": "RegionOne",
        "default_domain_id": "default",
        "admin_role": "admin",
        "user_unique_last_password_count": "2",
        "user_lockout_failure_attempts": "15",
        "user_lockout_duration": "20",
    },
    "identity-feature-enabled": {
        "api_v3": "true",
        "trust": "true",
        "federation": "false",
        "application_credentials": "true",
        "access_rules": "true",
        "security_compliance": "true",
        "project_tags": "true",
        "immutable_user_source": "false",
    },
    "service_available": {
        "cinder": "false",
        "swift": "false",
        "neutron": "true",
        "glance": "true",
        "nova": "true",
        "horizon": "false",
    },
    "compute": {
        "flavor_ref": "1",
        "flavor_ref_alt": "2",
        "min_compute_nodes": str(HOSTS),
        "min_microversion": "2.1",
        "max_microversion": "2.104",
        "fixed_network_name": "private",
        "build_interval": "1",
        "build_timeout": "60",
        "hypervisor_type": "QEMU",
    },
    "compute-feature-enabled": {
        **dict.fromkeys(
            [
                "resize",
                "pause",
                "shelve",
                "shelve_migrate",
                "suspend",
                "cold_migration",
                "live_migration",
                "live_migrate_back_and_forth",
                "block_migration_for_live_migration",
                "vnc_console",
                "serial_console",
                "rescue",
                "stable_rescue",
                "interface_attach",
                "snapshot",
                "config_drive",
                "enable_instance_password",
                "change_password",
                "disk_config",
                "console_output",
                "hostname_fqdn_sanitization",
                "personality",
            ],
            "true",
        ),
        **dict.fromkeys(
            [
                "metadata_service",
                "spice_console",
                "volume_multiattach",
                "volume_backed_live_migration",
                "nova_networks",
                "swap_volume",
                "unified_limits",
                "allow_port_security_disabled",
                "ide_bus",
            ],
            "false",
        ),
        "nova_policy_roles": "admin,manager,member,reader",
        "scheduler_enabled_filters": "ServerGroupAffinityFilter,ServerGroupAntiAffinityFilter,SameHostFilter,DifferentHostFilter",
    },
    # Reads are those of a project's reader, and live migrations those of its manager, not of its member and an admin.
    "enforce_scope": dict.fromkeys(["nova", "neutron", "glance"], "true"),
    "image": {
        "build_timeout": "60",
        "build_interval": "1",
        "disk_formats": ",".join((*STORED, *IMPORTED)),
        "container_formats": "bare",
    },
    "image-feature-enabled": {
        "api_v2": "true",
        "import_image": "true",
        "os_glance_reserved": "true",
        "image_format_enforcement": "true",
        "image_conversion": "true",
        "store_weight_enabled": "true",
    },
    "network": {
        "build_timeout": "30",
        "build_interval": "1",
        "project_network_cidr": "10.67.0.0/16",
        "project_network_v6_cidr": "fd67::/48",
    },
    "network-feature-enabled": {
        "ipv6": "true",
        "ipv6_subnet_attributes": "true",
        "floating_ips": "false",
        "port_security": "true",
    },
    "placement": {"min_microversion": "1.0", "max_microversion": "1.39"},
    "validation": {"run_validation": "false", "connect_method": "fixed"},
}

# These need networks of type local, whose hosts answer DHCP; the other tests of networks have those that routers can join.
LOCAL = re.compile(r"\.test_extra_dhcp_options\.")
# Tests of servers that routers, floating addresses and trunks are for: each project has networks of its own, and none is shared.
ISOLATED = re.compile(
    r"^tempest\.api\.compute\.(floating_ips\.|.*\.AutoAllocateNetworkTest\.|.*\.test_rescued_vm_associate_dissociate_floating_ip"
    r"|.*\.test_live_migration_with_trunk)"
)
# Some tests skip themselves where formats are enforced, which has nothing to do with them: each kind is told another configuration.
# Tests of lists fill images with random bytes, which only raw images are. The others create servers from good images.
_UNENFORCED = {"image-feature-enabled": {"image_format_enforcement": "false"}}
UNENFORCED: Mapping[str, tuple[re.Pattern[str], Mapping[str, Mapping[str, str]]]] = {
    "random": (re.compile(r"\.ListUserImagesTest\."), {"image": {"disk_formats": "raw"}, **_UNENFORCED}),
    "good": (re.compile(rf"\.test_compute_rejects_invalid\(({'|'.join(STORED)})\)"), _UNENFORCED),
}

# What Tempest says in a guest before each command. Its user is root, whose programs are busybox's.
_WORDS_OF_GUESTS = """\
set -eu -o pipefail; PATH=$$PATH:/sbin:/usr/sbin;
sudo() { "$$@"; };
curl() { case $$1 in -V) ;; -X) wget -q -O - --post-data "$$4" "$$5" ;; *) wget -q -O - "$$1" ;; esac; };
[ -e /bin/curl ] || { printf '#!/bin/sh\\ntimeout 2 wget -q -O - "$$1" || exit\\n' > /bin/curl; chmod +x /bin/curl; };
cat() { case $${1:-} in /var/run/udhcpc.*) [ -e "$$1" ] || renewing "$$1" ;; esac; command cat "$$@"; };
renewing() { mkdir -p /var/run; udhcpc -i eth0 -p "$$1" -s /sbin/busway-dhcp > /dev/null 2>&1; };
blkid() { findfs LABEL="$$2"; };
lsblk() { echo "NAME TYPE"; for disk in /sys/block/vd*; do printf "%-4s disk\\n" "$${disk##*/}"; done; };
[ -d /disk ] || { umount /mnt || true; mkdir /disk; modprobe -aq vfat nls_cp437 nls_ascii; mount -t vfat /dev/vda1 /disk; };
"""
_OF_GUESTS: Mapping[str, Mapping[str, str]] = {
    "compute": {
        "flavor_ref": str(FLAVORS[0]["id"]),
        "flavor_ref_alt": str(FLAVORS[1]["id"]),
        "fixed_network_name": NETWORK,
        "build_timeout": "600",
    },
    # A guest without an agent, which would set its passwords.
    "compute-feature-enabled": {
        "metadata_service": "true",
        "spice_console": "true",
        "change_password": "false",
        "dhcp_domain": "",
    },
    "scenario": {"target_dir": "/disk"},
    "validation": {
        "run_validation": "true",
        "network_for_ssh": NETWORK,
        "image_ssh_user": "root",
        "ssh_timeout": "600",
        "ping_timeout": "300",
        "ssh_shell_prologue": " ".join(_WORDS_OF_GUESTS.split("\n")),
    },
}
# Each project has a network and a router, and a guest is reached at a floating address.
_OF_FLOATING: Mapping[str, Mapping[str, str]] = {
    "auth": {"create_isolated_networks": "true"},
    "network": {"build_timeout": "120"},
    "network-feature-enabled": {"floating_ips": "true"},
    # A guest whose processor is emulated takes a second to ask for its metadata.
    "validation": {"connect_method": "floating", "allowed_metadata_downtime": "20"},
}
_OF_ACROSS = {"compute-feature-enabled": {"scheduler_enabled_filters": "SameHostFilter"}}


def write_conf(cloud: TempestCloud, folder: Path) -> Path:
    """Write tempest.conf for a cloud of simulated hosts; return its path."""
    conf = _conf(cloud, folder)
    conf["compute"]["image_ref"] = cloud.add_image("tempest-1")
    conf["compute"]["image_ref_alt"] = cloud.add_image("tempest-2")
    conf["image"]["http_image"] = f"{cloud.web.url}/disk.raw"
    conf["image"]["http_qcow2_image"] = f"{cloud.web.url}/disk.qcow2"
    conf["image"]["alternate_image_endpoint"] = SECOND_IMAGES
    conf["image"]["images_manifest_file"] = str(cloud.manifest)
    conf["auth"]["create_isolated_networks"] = str(cloud.isolated).lower()
    if cloud.public:
        conf["network"]["public_network_id"] = cloud.public["id"]
        conf["network"]["floating_network_name"] = cloud.public["name"]
        conf["network-feature-enabled"]["floating_ips"] = "true"
    return _write(conf, folder / "tempest.conf")


def write_guest_conf(cloud: GuestCloud, folder: Path) -> Path:
    """Write tempest.conf for a cloud with guests to log in to; return its path."""
    conf = _conf(cloud, folder)
    conf.read_dict(_OF_GUESTS)
    conf["compute"]["image_ref"] = cloud.image
    conf["compute"]["image_ref_alt"] = cloud.image_alt
    return _write(conf, folder / "tempest.conf")


def write_conf_of_unenforced(path: Path, kind: str) -> Path:
    """Write beside a tempest.conf the one for a kind of `UNENFORCED`; return its path."""
    return _write_other(path, UNENFORCED[kind][1])


def write_conf_of_reach(path: Path, network_id: str) -> Path:
    """Write beside a tempest.conf the one for tests that ask for a public network to reach guests; return its path."""
    return _write_other(path, {"network": {"public_network_id": network_id}})


def write_conf_of_floating(cloud: GuestCloud, path: Path) -> Path:
    """Write beside a tempest.conf the one for tests that reach guests at floating addresses; return its path."""
    source, target, *_others = cloud.numbers
    hosts = {"migration_source_host": source, "migration_dest_host": target}
    outer = {"public_network_id": cloud.public["id"], "floating_network_name": cloud.public["name"]}
    network = {**_OF_FLOATING["network"], **outer}
    return _write_other(path, {**_OF_FLOATING, "network": network, "compute": hosts})


def write_conf_of_across(path: Path) -> Path:
    """Write beside a tempest.conf the one for `ACROSS`; return its path."""
    return _write_other(path, _OF_ACROSS)


def _conf(cloud: TempestCloud | GuestCloud, folder: Path) -> configparser.ConfigParser:
    (folder / "logs").mkdir()
    conf = configparser.ConfigParser(interpolation=None)
    conf.read_dict(_SECTIONS)
    conf["DEFAULT"] = {"log_dir": str(folder / "logs"), "log_file": "tempest.log"}
    conf["oslo_concurrency"] = {"lock_path": str(folder / "locks")}
    conf["auth"]["admin_password"] = cloud.password()
    conf["identity"]["uri_v3"] = f"{cloud.url}/identity/v3"
    conf["network-feature-enabled"]["api_extensions"] = ",".join(cloud.extensions())
    return conf


def _write_other(path: Path, changes: Mapping[str, Mapping[str, str]]) -> Path:
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(path, encoding="utf-8")
    conf.read_dict(changes)
    return _write(conf, path.with_name("tempest-other.conf"))


def _write(conf: configparser.ConfigParser, path: Path) -> Path:
    with path.open("w", encoding="utf-8") as file:
        conf.write(file)
    return path
