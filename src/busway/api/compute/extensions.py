"""The extensions of the API: what old clients look for before they ask for it; each is there at 2.1."""

from __future__ import annotations

from busway.api.answer import wrap, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import EXTENSION
from busway.api.operation import Operation
from busway.domain.errors import NotFound

_ROOT = "/compute/v2.1/extensions"
# Nova's aliases of what Busway does, each with Nova's name for it.
_KNOWN = {
    "OS-DCF": "DiskConfig",
    "OS-EXT-AZ": "ExtendedAvailabilityZone",
    "OS-EXT-IPS": "ExtendedIps",
    "OS-EXT-IPS-MAC": "ExtendedIpsMac",
    "OS-EXT-SRV-ATTR": "ExtendedServerAttributes",
    "OS-EXT-STS": "ExtendedStatus",
    "OS-SCH-HNT": "SchedulerHints",
    "OS-SRV-USG": "ServerUsage",
    "os-admin-actions": "AdminActions",
    "os-aggregates": "Aggregates",
    "os-attach-interfaces": "AttachInterfaces",
    "os-availability-zone": "AvailabilityZone",
    "os-config-drive": "ConfigDrive",
    "os-console-output": "ConsoleOutput",
    "os-consoles": "Consoles",
    "os-evacuate": "Evacuate",
    "os-flavor-access": "FlavorAccess",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-manage": "FlavorManage",
    "os-floating-ip-pools": "FloatingIpPools",
    "os-floating-ips": "FloatingIps",
    "os-hosts": "Hosts",
    "os-hypervisors": "Hypervisors",
    "os-instance-actions": "InstanceActions",
    "os-keypairs": "Keypairs",
    "os-lock-server": "LockServer",
    "os-migrate-server": "MigrateServer",
    "os-migrations": "Migrations",
    "os-instance-usage-audit-log": "OSInstanceUsageAuditLog",
    "os-pause-server": "PauseServer",
    "os-quota-class-sets": "QuotaClasses",
    "os-quota-sets": "Quotas",
    "os-security-groups": "SecurityGroups",
    "os-server-diagnostics": "ServerDiagnostics",
    "os-server-external-events": "ServerExternalEvents",
    "os-server-groups": "ServerGroups",
    "os-server-password": "ServerPassword",
    "os-services": "Services",
    "os-remote-consoles": "Consoles",
    "os-shelve": "Shelve",
    "os-simple-tenant-usage": "SimpleTenantUsage",
    "os-suspend-server": "SuspendServer",
    "os-tenant-networks": "OSTenantNetworks",
    "os-user-data": "UserData",
}


def _row(alias: str) -> dict[str, object]:
    return {
        "alias": alias,
        "name": _KNOWN[alias],
        "description": f"{_KNOWN[alias]}.",
        "links": [],
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
    }


def _list(_call: Call) -> Reply:
    return Reply({"extensions": [_row(alias) for alias in sorted(_KNOWN)]})


def _show(call: Call) -> Reply:
    if call.path["alias"] not in _KNOWN:
        raise NotFound(
            f"Extension {call.path['alias']} could not be found", remedy="List them.", code="extension-not-found"
        )
    return Reply({"extension": _row(call.path["alias"])})


OPERATIONS = (
    Operation("GET", _ROOT, _list, rule="os_compute_api:extensions", answer=wrap_list("extensions", EXTENSION)),
    Operation(
        "GET", f"{_ROOT}/{{alias}}", _show, rule="os_compute_api:extensions", answer=wrap("extension", EXTENSION)
    ),
)
