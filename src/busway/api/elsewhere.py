"""Paths that lead nowhere: what OpenStack has there, why it is not here, and what there is instead."""

from __future__ import annotations

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
# By the beginning of a path: why nothing is there, and what to do.
_PATHS: tuple[tuple[str, str, str], ...] = (
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
    ("/compute/v2.1/os-console-auth-tokens", "Links to consoles lead to the control plane itself.", "openstack console url show"),
    ("/compute/v2.1/os-fping", _GONE, "Ask the server itself."),
    ("/identity/v2.0", "Keystone has removed version 2.0 too.", "Use /identity/v3."),
    ("/image/v1", "Glance has removed version 1 too.", "Use /image/v2."),
    *((f"/image/v2/{name}", *_CACHE) for name in ("cache", "cached_images", "queued_images")),
    ("/image/v2/stores", "Stores are the operator's.", "List them: openstack image stores list."),
    ("/object-store", "There is no object store.", "Use one beside Busway."),
    ("/share", "There are no shared file systems.", "Use one beside Busway."),
    ("/orchestration", "There is no orchestration service.", "Use Terraform or Ansible with these APIs."),
    ("/dns", "There is no DNS service.", "Servers of a network find each other by name: their network's DNS tells it."),
    ("/load-balancer", "There are no load balancers.", "Use one in a server."),
)  # fmt: skip


def why_not(path: str) -> tuple[str, str]:
    """The detail and the remedy of a path that is not known."""
    return next(((detail, remedy) for start, detail, remedy in _PATHS if path.startswith(start)), ("", _ALL))


def methods_at(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """The methods that a path takes, in order."""
    return sorted(set(_methods(routes, path)))


def _methods(routes: Iterable[BaseRoute], path: str) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount) and path.startswith(f"{route.path}/"):
            yield from _methods(route.routes, path.removeprefix(route.path))
        elif isinstance(route, Route) and route.path_regex.match(path):
            yield from route.methods or ()
