"""The stock `openstack` command on identity: what an operator of several tenants types."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.serving import ApiServer
from tests.api.test_clients import BIN, Clients

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (BIN / "openstack").exists(), reason=f"needs the stock clients in {BIN}"),
]


@pytest.fixture
def clients(api_server: ApiServer, tmp_path: Path) -> Clients:
    return Clients(api_server, tmp_path)


def test_a_tenant_gets_a_domain_with_a_tree_a_group_and_a_manager(
    clients: Clients, api_server: ApiServer, tmp_path: Path
) -> None:
    run, read = clients.openstack, clients.read
    run("domain", "create", "--description", "of physics", "physics")
    run("project", "create", "--domain", "physics", "--tag", "gpu", "--property", "cost=42", "accelerator")
    made = read("project", "create", "--domain", "physics", "--parent", "accelerator", "magnets")
    run("user", "create", "--domain", "physics", "--password", "pw", "--email", "ann@example.org", "ann")
    run("group", "create", "--domain", "physics", "crew")
    run("group", "add", "user", "--group-domain", "physics", "--user-domain", "physics", "crew", "ann")
    run("role", "add", "--domain", "physics", "--inherited", "--group", "crew", "--group-domain", "physics", "member")
    run("role", "add", "--domain", "physics", "--user", "ann", "--user-domain", "physics", "manager")

    held = read("role", "assignment", "list", "--effective", "--names", "--user", "ann", "--user-domain", "physics")

    assert made["parent_id"] == read("project", "show", "--domain", "physics", "accelerator")["id"]
    assert read("project", "show", "--domain", "physics", "accelerator")["tags"] == ["gpu"]
    assert {(row["Role"], row["Project"] or row["Domain"]) for row in held} == {
        ("manager", "physics"),
        ("member", "physics"),
        ("reader", "physics"),
        *((role, f"{name}@physics") for role in ("member", "reader") for name in ("accelerator", "magnets")),
    }
    assert [row["Name"] for row in read("project", "list", "--domain", "physics", "--tags", "gpu")] == ["accelerator"]
    ann = Clients(api_server, tmp_path)
    ann.become("ann", "pw", "physics")
    assert {row["Name"] for row in ann.read("project", "list")} == {"accelerator", "magnets"}
    ann.openstack("user", "create", "--domain", "physics", "--password", "pw", "ben")


def test_roles_imply_roles_and_domains_end(clients: Clients) -> None:
    run, read = clients.openstack, clients.read
    run("role", "create", "--description", "reads", "researcher")
    run("implied", "role", "create", "researcher", "--implied-role", "reader")
    run("domain", "create", "short")
    run("domain", "set", "--name", "shorter", "--disable", "short")

    implied = {(row["Prior Role Name"], row["Implied Role Name"]) for row in read("implied", "role", "list")}

    assert ("researcher", "reader") in implied
    assert read("domain", "show", "shorter")["enabled"] is False
    run("domain", "delete", "shorter")
    run("implied", "role", "delete", "researcher", "--implied-role", "reader")
    run("role", "delete", "researcher")
    assert [row["Name"] for row in read("domain", "list")] == ["Default"]
