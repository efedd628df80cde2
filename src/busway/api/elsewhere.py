"""Paths that lead nowhere: what OpenStack has there, why it is not here, and what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Mount, Route

_ALL = "GET /openapi.json lists all operations."
_VOLUMES = (
    "There are no volumes.",
    "A flavor's disk, ephemeral and swap disks are a server's storage; images keep what must stay.",
)
_CACHE = (
    "No cache stands between the stores of images, which are folders, and who reads them.",
    "A host fetches an image once, for its first server with it, and keeps it for a day after its last one: there is nothing to queue or clear.",
)
_GONE = "Nova has removed it too."
_PROVIDER = (
    "One OpenID Connect provider is set for the whole cloud, in the configuration.",
    "See [oidc] in docs/how-to/rights.md.",
)
_KEYSTONE = "Keystone has removed it too."
_ONE_KIND = ("All routers are of one kind.", "Leave the flavor out: openstack router create NAME.")
_ANOTHER_WAY_OUT = "Give the server a floating address, or a port on a network of type flat or vlan."
# By the beginning of a path, where * is one part of it: why nothing is there, and what to do.
_PATHS: tuple[tuple[str, str, str], ...] = (
    ("/compute/v2.1/os-volumes_boot", "It was another name of /servers, which Nova has removed too in 2.103.", "Use /servers."),
    *((f"/compute/v2.1/{name}", *_VOLUMES) for name in ("os-volumes", "os-snapshots", "os-assisted-volume-snapshots")),
    ("/volume", *_VOLUMES),
    ("/compute/v2.1/os-floating-ips-bulk", _GONE, "Its addresses are the external network's: openstack subnet create."),
    ("/compute/v2.1/os-floating-ip-dns", _GONE, "Servers of a network find each other by name: their network's DNS tells it."),
    ("/compute/v2.1/os-fixed-ips", _GONE, "List the ports: openstack port list --fixed-ip ip-address=ADDRESS."),
    ("/compute/v2.1/os-cells", "There are no cells.", "List the hosts: busway host list."),
    ("/compute/v2.1/os-agents", _GONE, "Each host has one agent of Busway: busway host list."),
    ("/compute/v2.1/os-certificates", _GONE, "Key pairs of type x509 are made with openstack keypair create --type x509."),
    ("/compute/v2.1/os-security-group-default-rules", _GONE, "Each project has a group 'default' of its own."),
    ("/compute/v2.1/os-baremetal-nodes", "There are no bare metal nodes.", "List the hosts: busway host list."),
    ("/compute/v2.1/os-fping", _GONE, "Ask the server itself."),
    ("/compute/v2.1/os-cloudpipe", _GONE, "Run a VPN in a server."),
    ("/compute/v2.1/servers/*/os-virtual-interfaces", _GONE, "List its ports: openstack port list --server SERVER."),
    ("/compute/v2.1/servers/*/consoles", _GONE, "Ask for a link: openstack console url show SERVER."),
    ("/compute/v2.1/servers/*/shares", "There are no shared file systems.", "Mount one within the server, over its network."),
    ("/identity/v3/OS-FEDERATION", *_PROVIDER),
    ("/identity/v3/auth/OS-FEDERATION", *_PROVIDER),
    ("/identity/v3/OS-OAUTH1", "Application credentials and trusts do the same.", "Use one of these."),
    ("/identity/v3/users/*/OS-OAUTH1", "Application credentials and trusts do the same.", "Use one of these."),
    ("/identity/v3/OS-OAUTH2", "Application credentials do the same.", "openstack application credential create NAME"),
    ("/identity/v3/OS-EP-FILTER", "A token shows the whole catalog.", "Disable an endpoint: openstack endpoint set --disable."),
    ("/identity/v3/OS-ENDPOINT-POLICY", "No service reads policies from here.", "See docs/how-to/rights.md."),
    ("/identity/v3/policies", "No service reads policies from here.", "See docs/how-to/rights.md."),
    ("/identity/v3/OS-SIMPLE-CERT", _KEYSTONE, "Ask whether a token is valid: GET /identity/v3/auth/tokens."),
    ("/identity/v3/OS-REVOKE", "Tokens are looked up, not decoded.", "Ask whether one is valid: GET /identity/v3/auth/tokens."),
    ("/identity/v3/auth/receipts", "All methods of a log-in come in one request.", "openstack --os-auth-type v3multifactor --os-auth-methods v3password,v3totp --os-passcode CODE"),
    ("/identity/v3/domains/*/config", "Users are in Busway's own database.", "See [oidc] in docs/how-to/rights.md."),
    ("/identity/v3/domains/config", "Users are in Busway's own database.", "See [oidc] in docs/how-to/rights.md."),
    ("/network/v2.0/qos", "Ports have no policies: flavors limit the network cards of their guests.",
     "openstack flavor set --property quota:vif_outbound_average=KB_PER_SECOND FLAVOR"),
    ("/network/v2.0/default-security-group-rules", "The groups `default` of all projects begin with Neutron's own rules.",
     "Change a project's: openstack security group rule create default."),
    ("/network/v2.0/service-providers", *_ONE_KIND),
    ("/network/v2.0/flavors", *_ONE_KIND),
    ("/network/v2.0/service_profiles", *_ONE_KIND),
    ("/network/v2.0/metering", "Traffic is counted by server.", "openstack server show --diagnostics SERVER has its cards' counters."),
    ("/network/v2.0/address-scopes", "Each router is a scope of its own: what it joins may not overlap.", "Leave it out."),
    ("/network/v2.0/floatingips/*/port_forwardings", "A floating address leads to one port as a whole.",
     "Give each server its own: openstack floating ip create NETWORK."),
    ("/network/v2.0/routers/*/conntrack_helpers", "OVN has no such helpers.", "Use protocols that need none, or a floating address."),
    ("/network/v2.0/routers/*/add_external_gateways", "A router has one gateway.", "openstack router set --external-gateway NETWORK ROUTER"),
    ("/network/v2.0/routers/*/remove_external_gateways", "A router has one gateway.", "openstack router unset --external-gateway ROUTER"),
    ("/network/v2.0/routers/*/l3-agents", "Routers are OVN's, and hosts agree by themselves.", "List the hosts: busway host list."),
    ("/network/v2.0/ports/*/bindings", "Busway binds a port to its server's host itself.", "Move the server: openstack server migrate SERVER."),
    ("/network/v2.0/network_segment_ranges", "VLANs are chosen by the operator.", "openstack network create --provider-segment VLAN"),
    ("/network/v2.0/local_ips", "An address belongs to one port.", "Use allowed address pairs: openstack port set --allowed-address."),
    ("/network/v2.0/local-ips", "An address belongs to one port.", "Use allowed address pairs: openstack port set --allowed-address."),
    ("/network/v2.0/ndp_proxies", "Routers translate IPv4 only.", _ANOTHER_WAY_OUT),
    ("/network/v2.0/bgp", "Routers announce nothing outside.", _ANOTHER_WAY_OUT),
    ("/network/v2.0/fwaas", "Security groups filter, at each port.", "openstack security group create NAME"),
    ("/network/v2.0/vpn", "There is no VPN service.", "Run one in a server."),
    ("/network/v2.0/taas", "There are no taps.", "Capture within the server, or on its host."),
    ("/network/v2.0/sfc", "There are no service chains.", "Route through a server: openstack subnet set --host-route."),
    ("/network/v2.0/log", "Security groups log nothing.", "Capture within the server, or on its host."),
    ("/identity/v2.0", "Keystone has removed version 2.0 too.", "Use /identity/v3."),
    ("/image/v1", "Glance has removed version 1 too.", "Use /image/v2."),
    *((f"/image/v2/{name}", *_CACHE) for name in ("cache", "cached_images", "queued_images")),
    ("/image/v2/stores", "Stores are the operator's.", "List them: openstack image stores list."),
    ("/object-store", "There is no object store.", "Use one beside Busway."),
    ("/share", "There are no shared file systems.", "Use one beside Busway."),
    *((start, "The identity API begins at /identity.", "Set OS_AUTH_URL, or auth_url in clouds.yaml, to SCHEME://HOST:PORT/identity.") for start in ("/v3", "/keystone")),
    ("/v2.1", "The compute API begins at /compute.", "Take the URL from the catalog: openstack catalog list."),
    ("/v2.0", "The network API begins at /network, identity's at /identity.", "Take the URL from the catalog: openstack catalog list."),
    ("/v2/", "The image API begins at /image.", "Take the URL from the catalog: openstack catalog list."),
    ("/orchestration", "There is no orchestration service.", "Use Terraform or Ansible with these APIs."),
    ("/dns", "There is no DNS service.", "Servers of a network find each other by name: their network's DNS tells it."),
    ("/load-balancer", "There are no load balancers.", "Use one in a server."),
)  # fmt: skip

_STARTS = tuple(
    (re.compile(re.escape(start).replace(r"\*", "[^/]+")), detail, remedy) for start, detail, remedy in _PATHS
)


def why_not(path: str) -> tuple[str, str]:
    """The detail and the remedy of a path that is not known."""
    return next(((detail, remedy) for start, detail, remedy in _STARTS if start.match(path)), ("", _ALL))


def methods_at(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """The methods that a path takes, in order."""
    return sorted(set(_methods(routes, path)))


def _methods(routes: Iterable[BaseRoute], path: str) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount) and path.startswith(f"{route.path}/"):
            yield from _methods(route.routes, path.removeprefix(route.path))
        elif isinstance(route, Route) and route.path_regex.match(path):
            yield from route.methods or ()
