"""Each filter that an operation's schema takes changes its answer: one value lets rows through, another lets fewer through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from busway.api import openapi
from busway.api.microversion import COMPUTE
from busway.control.identity.bearer import authenticate
from busway.control.identity.service_catalog import fixed_id
from busway.store.images import images
from busway.store.projects import projects
from busway.store.servers import servers
from busway.store.users import users
from tests.api.many import FLAVOR, fill, host_id, server_id, user_id
from tests.api.serving import ApiServer, start_api_server

# What is no filter: pages and orders are tested with their lists, and the others say how something is done or shown.
PAGES = {"limit", "marker", "offset", "before", "sort", "sort_key", "sort_dir"}
SHOWN = {
    ("/compute/v2.1/os-hypervisors", "with_servers"),
    ("/compute/v2.1/os-hypervisors/detail", "with_servers"),
    ("/compute/v2.1/os-simple-tenant-usage", "detailed"),
    ("/busway/v1/aliases/{name:path}", "force"),
    ("/busway/v1/aliases/{name:path}", "version"),
    ("/busway/v1/device-specs/{id}", "version"),
    ("/busway/v1/plan", "count"),
    ("/busway/v1/plan", "flavor"),
    ("/busway/v1/plan", "host"),
    ("/busway/v1/plan", "image"),
    ("/busway/v1/plan", "network"),
    ("/busway/v1/quota", "project"),
    ("/busway/v1/quota", "user"),
    ("/busway/v1/usage", "by"),
    ("/identity/v3/auth/tokens", "nocatalog"),
    *((f"/identity/v3/{kind}/{{id}}", "domain_id") for kind in ("groups", "projects", "roles", "users")),
    *(
        ("/identity/v3/projects/{id}", name)
        for name in ("parents_as_ids", "parents_as_list", "subtree_as_ids", "subtree_as_list")
    ),
    # of one thing, or of a change of it: test_queries
    ("/compute/v2.1/os-keypairs/{name}", "user_id"),
    *((f"/compute/v2.1/os-hypervisors{path}", "with_servers") for path in ("", "/detail", "/{id}")),
    ("/busway/v1/hosts/{name}", "lost"),
    ("/image/v2/metadefs/namespaces/{namespace}/properties/{part}", "resource_type"),
    ("/identity/v3/role_assignments", "effective"),
    ("/identity/v3/role_assignments", "include_names"),
    ("/identity/v3/role_assignments", "include_subtree"),
    ("/image/v2/metadefs/namespaces/{namespace}", "resource_type"),
    ("/placement/usages", "user_id"),  # no list: `test_usages_are_those_of_one_user`
}
NOTHING = "nothing-has-this"
LATE = "2036-01-01T00:00:00Z"

_AT = "2026-01-01T12:00:03Z"
_SERVERS = {
    "access_ip_v4": "203.0.113.4",
    "access_ip_v6": "2001:db8::4",
    "all_tenants": "1",
    "auto_disk_config": ("True", "False"),
    "availability_zone": "nova",
    "changes-since": ("2026-01-01T12:00:03Z", LATE),
    "changes-before": ("2026-01-01T12:00:03Z", "2020-01-01T00:00:00Z"),
    "config_drive": ("True", "False"),
    "created_at": (_AT, LATE),
    "deleted": ("False", "True"),
    "description": "special",
    "display_description": "special",
    "display_name": "server00003",
    "flavor": FLAVOR.id,
    "host": "host00000",
    "hostname": "server00003",
    "image": "00000069-0000-4000-8000-000000000003",
    "image_ref": "00000069-0000-4000-8000-000000000003",
    "instance_name": "instance-00000004",
    "ip": ("^10[.]0[.]0[.]3$", "^10[.]9[.]9[.]9$"),
    "ip6": ("^f", "^2001"),
    "kernel_id": "",
    "key_name": "mine",
    "launch_index": ("7", "8"),
    "launched_at": (_AT, LATE),
    "locked": ("True", None),
    "name": "server00003",
    "node": "host00000",
    "not-tags": ("odd", "even,odd"),
    "not-tags-any": ("odd", "even,odd"),
    "power_state": ("1", "4"),
    "progress": "0",
    "project_id": "other",
    "ramdisk_id": "",
    "reservation_id": "r-00000003",
    "root_device_name": "/dev/vda",
    "soft_deleted": ("true", "false"),
    "status": ("ACTIVE", "ERROR"),
    "tags": "odd",
    "tags-any": "odd",
    "task_state": "rebooting",
    "tenant_id": "other",
    "terminated_at": (_AT, LATE),
    "user_id": "{user}",
    "uuid": server_id(3),
    "vm_state": ("active", "error"),
}
_FLAVORS = {"is_public": ("true", "false"), "name": "tiny$", "minRam": ("1", "99999999"), "minDisk": ("0", "99999999")}
_IMAGES = {
    "changes-since": (_AT, LATE),
    "minDisk": ("5", "6"),
    "minRam": ("5", "6"),
    "name": "image00003",
    "server": server_id(3),
    "status": ("ACTIVE", "SAVING"),
    "type": "snapshot",
}
_HYPERVISORS = {"hypervisor_hostname_pattern": "host00000"}
_OF_USERS = {"domain_id": "default", "enabled": ("true", "false"), "name": "{user_name}"}
# For each list the filters of its operation: a value that lets something through, and one that lets less through (`NOTHING` unless
# there is a pair; None where the first one alone is less than all).
FILTERS: dict[str, dict[str, Any]] = {
    "/compute/v2.1/servers": _SERVERS,
    "/compute/v2.1/servers/detail": _SERVERS,
    "/compute/v2.1/flavors": _FLAVORS,
    "/compute/v2.1/flavors/detail": _FLAVORS,
    "/compute/v2.1/images": _IMAGES,
    "/compute/v2.1/images/detail": _IMAGES,
    "/compute/v2.1/os-hosts": {"zone": "nova"},
    "/compute/v2.1/os-hypervisors": _HYPERVISORS,
    "/compute/v2.1/os-hypervisors/detail": _HYPERVISORS,
    "/compute/v2.1/os-keypairs": {"user_id": "{user}"},
    "/compute/v2.1/os-migrations": {
        "changes-since": (_AT, LATE),
        "changes-before": (_AT, "2020-01-01T00:00:00Z"),
        "host": "host00000",
        "instance_uuid": server_id(3),
        "migration_type": ("migration", "resize"),
        "project_id": "other",
        "source_compute": "host00000",
        "status": ("confirmed", "error"),
        "user_id": user_id(3),
    },
    "/compute/v2.1/os-security-groups": {"all_tenants": ("1", "0")},
    "/compute/v2.1/os-services": {"binary": "nova-compute", "host": "host00000"},
    f"/compute/v2.1/servers/{server_id(3)}/os-instance-actions": {
        "changes-since": (_AT, LATE),
        "changes-before": (_AT, "2020-01-01T00:00:00Z"),
    },
    "/busway/v1/devices": {"host": "host00000"},
    "/busway/v1/events": {"server": server_id(3)},
    "/busway/v1/hosts": {"name": "host00000"},
    "/identity/v3/OS-TRUST/trusts": {"trustee_user_id": "{user}", "trustor_user_id": "{another}"},
    "/identity/v3/credentials": {"type": ("cert", "totp"), "user_id": "{another}"},
    "/identity/v3/domains": {"enabled": ("true", "false"), "name": "Default"},
    "/identity/v3/endpoints": {
        "interface": "public",
        "region_id": "RegionOne",
        "service_id": fixed_id("service", "image"),
    },
    "/identity/v3/groups": {"domain_id": "default", "name": "team"},
    "/identity/v3/groups/{group}/users": _OF_USERS,
    "/identity/v3/limits": {
        "domain_id": None,
        "project_id": "{a_project}",
        "region_id": "RegionOne",
        "resource_name": "class:VCPU",
        "service_id": fixed_id("service", "compute"),
    },
    "/identity/v3/projects": {
        "domain_id": "default",
        "enabled": ("true", "false"),
        "is_domain": ("false", "true"),
        "name": "project00003",
        "not-tags": "red",
        "not-tags-any": "red",
        "parent_id": "default",
        "tags": "red",
        "tags-any": "red",
    },
    "/identity/v3/regions": {"parent_region_id": "RegionOne"},
    "/identity/v3/registered_limits": {
        "region_id": "RegionOne",
        "resource_name": "servers",
        "service_id": fixed_id("service", "compute"),
    },
    "/identity/v3/roles": {"domain_id": None, "name": "member"},
    "/identity/v3/services": {"name": "glance", "type": "image"},
    "/identity/v3/users": {"domain_id": "default", "enabled": ("true", "false"), "name": "user00003"},
    "/identity/v3/users/{user}/groups": {"domain_id": "default", "name": "team"},
    "/image/v2/images": {
        "checksum": "0123",
        "container_format": "bare",
        "created_at": (f"lte:{_AT}", "gt:2036-01-01T00:00:00Z"),
        "disk_format": ("raw", "qcow2"),
        "id": "00000069-0000-4000-8000-000000000003",
        "member_status": None,
        "min_disk": ("5", "6"),
        "min_ram": ("5", "6"),
        "name": "image00003",
        "os_hash_algo": "sha3_256",
        "os_hash_value": "4567",
        "os_hidden": ("false", "true"),
        "owner": "other",
        "protected": ("false", "true"),
        "size": ("512", "513"),
        "size_max": ("511", None),
        "size_min": ("512", "513"),
        "status": ("active", "queued"),
        "tag": "red",
        "updated_at": (_AT, "2036-01-01T00:00:00Z"),
        "virtual_size": ("1024", "1025"),
        "visibility": ("public", "private"),
    },
    "/placement/allocation_candidates": {"root_required": ("{trait}", None)},
    "/placement/traits": {"associated": ("true", None), "name": ("startswith:CUSTOM_", "startswith:HW_")},
    "/placement/resource_providers": {
        "in_tree": (host_id(0), host_id(99)),
        "name": "host00000",
        "uuid": (host_id(0), host_id(99)),
        "resources": ("VCPU:1", "VCPU:999999"),
    },
}
# Filters that other tests show, by their operation.
ELSEWHERE = {
    "/busway/v1/audit": "test_audit",
    "/busway/v1/usage": "test_usage",
    "/busway/v1/usage/entries": "test_usage",
    "/compute/v2.1/os-simple-tenant-usage": "test_usage",
    "/compute/v2.1/os-simple-tenant-usage/{id}": "test_usage",
    "/busway/v1/events": "test_own",
    "/compute/v2.1/limits": "test_quotas",
    "/compute/v2.1/os-hypervisors/{id}": "test_hypervisors",
    "/compute/v2.1/os-keypairs/{name}": "test_keypairs",
    "/compute/v2.1/os-quota-sets/{project}": "test_user_quotas",
    "/compute/v2.1/os-quota-sets/{project}/detail": "test_user_quotas",
    "/compute/v2.1/os-server-groups": "test_server_groups",
    "/identity/v3/role_assignments": "test_assignments",
    "/identity/v3/users/{user}/access_rules": "test_application_credentials",
    "/identity/v3/users/{user}/application_credentials": "test_application_credentials",
    "/image/v2/metadefs/namespaces": "test_metadefs",
    "/image/v2/tasks": "test_image_imports",
    "/placement/allocation_candidates": "test_placement",
    "/placement/resource_providers": "test_placement",
    "/placement/usages": "test_placement",
}
# What Nova has no more in its newest versions.
_OLD = ("/compute/v2.1/images", "/compute/v2.1/os-hosts", "/compute/v2.1/os-security-groups")
CASES = [(path, name) for path, names in FILTERS.items() for name, value in names.items() if value is not None]


@pytest.fixture(scope="module")
def world(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    server = start_api_server(tmp_path_factory.mktemp("filters"), api_template)
    admin = authenticate(server.control, server.admin)
    fill(server.control.db, 20, admin.project_id, admin.user_id)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def words(world: ApiServer) -> dict[str, str]:
    """What stands in the table in braces, of a world in which one thing of each kind differs from the others."""
    admin = authenticate(world.control, world.admin)
    third = {
        "access_ipv4": "203.0.113.4",
        "access_ipv6": "2001:db8::4",
        "description": "special",
        "disk_config": "AUTO",
        "key_name": "mine",
        "launch_index": 7,
        "launched": datetime(2026, 1, 1, 12, 0, 3, tzinfo=UTC),
        "locked_by": "owner",
        "reservation_id": "r-00000003",
        "task_state": "rebooting",
        "terminated": datetime(2026, 1, 1, 12, 0, 3, tzinfo=UTC),
    }
    image = {"min_disk": 5, "min_ram": 5, "size": 512, "virtual_size": 1024, "tags": ["red"]}
    image |= {"md5": "0123", "hash_algo": "sha3_256", "hash_value": "4567"}
    image["properties"] = {"instance_uuid": server_id(3), "image_type": "snapshot"}
    with world.control.db.write() as tx:
        tx.execute(update(servers).where(servers.c.id == server_id(5)).values(status="SOFT_DELETED"))
        tx.execute(update(servers).where(servers.c.id == server_id(3)).values(third))
        tx.execute(update(images).where(images.c.name == "image00003").values(image))
        a_project = tx.execute(select(projects.c.id).where(projects.c.name == "project00003")).scalar_one()
        another = tx.execute(select(users.c.id).where(users.c.name == "user00003")).scalar_one()
        tx.execute(update(projects).where(projects.c.id == a_project).values(tags=["red"]))
    with world.client() as client:
        with world.client(world.user("ann")) as ann:
            ann.get("/network/v2.0/security-groups").raise_for_status()
        client.headers["OpenStack-API-Version"] = "placement 1.39"
        client.put("/placement/traits/CUSTOM_FAST").raise_for_status()
        of_host = f"/placement/resource_providers/{host_id(0)}"
        told = {"traits": ["CUSTOM_FAST"]}
        told["resource_provider_generation"] = client.get(f"{of_host}/traits").json()["resource_provider_generation"]
        client.put(f"{of_host}/traits", json=told).raise_for_status()
        group = client.post("/identity/v3/groups", json={"group": {"name": "team"}}).json()["group"]["id"]
        client.put(f"/identity/v3/groups/{group}/users/{admin.user_id}").raise_for_status()
        region = {"id": "below", "parent_region_id": "RegionOne"}
        client.post("/identity/v3/regions", json={"region": region}).raise_for_status()
    return {
        "user": admin.user_id,
        "project": admin.project_id,
        "trait": "CUSTOM_FAST",
        "user_name": admin.user_name,
        "another": another,
        "a_project": a_project,
        "group": group,
    }


def rows(server: ApiServer, path: str, query: dict[str, str]) -> list[Any]:
    version = "2.1" if path.startswith(_OLD) else COMPUTE.shown(COMPUTE.maximum)
    with server.client(version=version) as client:
        client.headers["OpenStack-API-Version"] = f"compute {version}, placement 1.39"
        answer = client.get(path, params=query)
    if answer.status_code in (400, 404) and NOTHING in query.values():
        return []  # refused, which is no list of all
    assert answer.status_code == 200, (path, query, answer.text)
    [found] = [value for key, value in answer.json().items() if isinstance(value, list) and not key.endswith("links")]
    return list(found)


@pytest.mark.parametrize(("path", "name"), CASES)
def test_a_filter_changes_the_answer(path: str, name: str, world: ApiServer, words: dict[str, str]) -> None:
    value = FILTERS[path][name]
    keep, drop = value if isinstance(value, tuple) else (value, NOTHING)
    usual = {"all_tenants": "1"} if FILTERS[path] is _SERVERS and name not in ("all_tenants", "ip6") else {}
    usual |= {"resources": "VCPU:1"} if path.endswith("/allocation_candidates") else {}
    path = path.format(**words)

    kept = rows(world, path, {**usual, name: keep.format(**words)})
    dropped = rows(world, path, {**usual, name: drop.format(**words)} if drop is not None else usual)

    assert kept, "the first value lets nothing through"
    assert len(kept) != len(dropped)


@pytest.mark.parametrize(
    ("asked", "count"),
    [("gt", 16), ("gte", 17), ("lt", 3), ("lte", 4), ("eq", 1), ("neq", 19), ("", 1)],
)
def test_images_are_filtered_by_their_time(world: ApiServer, words: dict[str, str], asked: str, count: int) -> None:
    found = rows(world, "/image/v2/images", {"created_at": f"{asked}:{_AT}" if asked else _AT})

    assert len(found) == count
    with world.client() as client:
        assert client.get("/image/v2/images", params={"created_at": "gt:yesterday"}).status_code == 400


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59Z"])
def test_the_first_and_the_last_times_that_there_are_break_no_list(world: ApiServer, time: str) -> None:
    filters = {
        "/compute/v2.1/servers/detail": "created_at",
        "/network/v2.0/ports": "created_at",
        "/network/v2.0/security-groups": "updated_at",
        "/image/v2/images": "created_at",
        "/busway/v1/usage": "end",
    }

    with world.client() as client:
        found = [client.get(path, params={name: time}).status_code for path, name in filters.items()]

    assert set(found) == {400 if "+" in time else 200}


def test_usages_are_those_of_one_user(world: ApiServer, words: dict[str, str]) -> None:
    def of(user: str) -> object:
        with world.client() as client:
            client.headers["OpenStack-API-Version"] = "placement 1.37"
            query = {"project_id": words["project"], "user_id": user}
            return client.get("/placement/usages", params=query).json()["usages"]

    assert of(words["user"]) != of(words["another"])


def test_every_filter_of_every_operation_has_its_test() -> None:
    folder = Path(__file__).parent
    missing = []
    for operations in openapi.SERVICES.values():
        for each in operations:
            for name in set(each.query or ()) - PAGES:
                elsewhere = ELSEWHERE.get(each.path)
                told = elsewhere is not None and name in (folder / f"{elsewhere}.py").read_text(encoding="utf-8")
                listed = any(name in names for path, names in FILTERS.items() if _is_path(path, each.path))
                alike = name.startswith("name__")  # test_names_alike has them for all lists
                if not (told or listed or alike or (each.path, name) in SHOWN):
                    missing.append((each.method, each.path, name))

    assert not missing, missing


def _is_path(path: str, template: str) -> bool:
    parts, known = path.split("/"), template.split("/")
    return len(parts) == len(known) and all(b.startswith("{") or a == b for a, b in zip(parts, known, strict=True))
