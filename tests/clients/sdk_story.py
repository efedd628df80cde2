"""What programs do by openstacksdk, its cloud layer and its proxies; runs in .venv-clients, as clouds.yaml says.

Arguments: the id of an image. Each part prints its name once it has passed.
"""

import base64
import sys
import tempfile
import time
from typing import Any

import openstack

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAmQ9UKqXw8ic6oJYCMuuQOg5rmzuLCEPqwYkZF sdk"


def main(image_id: str) -> None:
    cloud = openstack.connect(cloud="busway")
    look_around(cloud)
    identity(cloud)
    quotas(cloud)
    flavors_and_keys(cloud)
    images(cloud)
    networks(cloud)
    aggregates(cloud)
    servers(cloud, image_id)
    placement(cloud)


def look_around(cloud: Any) -> None:
    assert cloud.current_project.name == "admin"
    assert cloud.list_availability_zone_names()
    assert [each.name for each in cloud.list_hypervisors()] == ["host1", "host2"]
    assert cloud.get_compute_limits()
    assert cloud.get_compute_usage("admin")
    assert {each.type for each in cloud.list_services()} >= {"compute", "image", "network", "identity", "placement"}
    assert cloud.list_endpoints() and cloud.search_services(filters={"type": "compute"})
    assert cloud.has_service("compute") and not cloud.has_service("block-storage")
    assert next(cloud.compute.services()).binary
    print("look around")


def identity(cloud: Any) -> None:
    domain = cloud.create_domain("sdk-domain", "for tests")
    project = cloud.create_project("sdk-project", domain_id=domain.id, description="one")
    assert cloud.update_project(project.id, description="two").description == "two"
    user = cloud.create_user("sdk-user", password="correct-horse-9", domain_id=domain.id, email="a@example.org")
    assert cloud.update_user(user.id, email="b@example.org").email == "b@example.org"
    group = cloud.create_group("sdk-group", "some", domain=domain.id)
    cloud.add_user_to_group(user.id, group.id)
    assert cloud.is_user_in_group(user.id, group.id)
    role = cloud.create_role("sdk-role")
    assert cloud.grant_role(role.id, user=user.id, project=project.id, wait=True)
    assert not cloud.grant_role(role.id, user=user.id, project=project.id)
    assert cloud.grant_role(role.id, group=group.id, domain=domain.id)
    assert len(cloud.list_role_assignments(filters={"user": user.id})) == 1
    assert cloud.grant_role("reader", user=user.id, project=project.id)
    assert cloud.search_users("sdk-user", domain_id=domain.id) and cloud.get_role("sdk-role").id == role.id
    with cloud.connect_as(username="sdk-user", password="correct-horse-9", **whose(domain, project)) as theirs:
        assert theirs.current_project_id == project.id
        assert theirs.list_servers() == []
    secret = cloud.identity.create_application_credential(cloud.current_user_id, "sdk-credential")
    assert secret.secret
    cloud.identity.delete_application_credential(cloud.current_user_id, secret)
    assert cloud.revoke_role(role.id, user=user.id, project=project.id)
    cloud.remove_user_from_group(user.id, group.id)
    assert cloud.delete_group(group.id) and cloud.delete_user(user.id) and cloud.delete_role(role.id)
    assert cloud.delete_project(project.id, domain_id=domain.id) and cloud.delete_domain(domain.id)
    service = cloud.create_service("sdk-service", type="sdk", description="none")
    [endpoint] = cloud.create_endpoint(service.id, url="http://127.0.0.1:1", interface="public", region="RegionOne")
    assert cloud.get_endpoint(endpoint.id) and cloud.delete_endpoint(endpoint.id)
    assert cloud.delete_service(service.id)
    print("identity")


def whose(domain: Any, project: Any) -> dict[str, str]:
    return {"user_domain_id": domain.id, "project_id": project.id, "project_name": "", "project_domain_id": domain.id}


def quotas(cloud: Any) -> None:
    project = cloud.create_project("sdk-quota", domain_id="default")
    cloud.set_compute_quotas(project.id, cores=9, instances=3)
    assert cloud.get_compute_quotas(project.id).cores == 9
    cloud.set_network_quotas(project.id, ports=11)
    assert cloud.get_network_quotas(project.id).ports == 11
    assert cloud.get_network_quotas(project.id, details=True)
    cloud.delete_compute_quotas(project.id)
    cloud.delete_network_quotas(project.id)
    assert cloud.get_compute_quotas(project.id).cores != 9
    assert cloud.delete_project(project.id)
    print("quotas")


def flavors_and_keys(cloud: Any) -> None:
    flavor = cloud.create_flavor("sdk.gpu", 512, 1, 1)
    cloud.set_flavor_specs(flavor.id, {"pci_passthrough:alias": "a1:1", "note": "x"})
    cloud.unset_flavor_specs(flavor.id, ["note"])
    assert cloud.get_flavor("sdk.gpu", get_extra=True).extra_specs == {"pci_passthrough:alias": "a1:1"}
    assert cloud.search_flavors("sdk.*") and cloud.get_flavor_by_ram(512)
    private = cloud.create_flavor("sdk.private", 512, 1, 1, is_public=False)
    cloud.add_flavor_access(private.id, cloud.current_project_id)
    assert cloud.list_flavor_access(private.id)[0]["tenant_id"] == cloud.current_project_id
    cloud.remove_flavor_access(private.id, cloud.current_project_id)
    assert cloud.delete_flavor(private.id)
    assert cloud.create_keypair("sdk-key", PUBLIC).fingerprint
    assert "PRIVATE KEY" in cloud.create_keypair("sdk-own").private_key
    assert cloud.search_keypairs("sdk-own") and cloud.delete_keypair("sdk-own") and not cloud.delete_keypair("sdk-own")
    print("flavors and keys")


def images(cloud: Any) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0" * 4096)
        file.flush()
        wish = {
            "filename": file.name,
            "disk_format": "raw",
            "container_format": "bare",
            "wait": True,
            "validate_checksum": True,
        }
        made = cloud.create_image("sdk-image", **wish, os_distro="debian")
        again = cloud.create_image("sdk-image", **wish, os_distro="debian")
    assert (made.status, made.size, again.id) == ("active", 4096, made.id)
    assert cloud.update_image_properties(image=made, os_version="12", rack="one")
    assert cloud.search_images("sdk-*", filters={"status": "active"}) and cloud.get_image_id("sdk-image") == made.id
    assert cloud.image.get_image(made).properties["rack"] == "one"
    cloud.image.add_tag(made, "gpu")
    assert [each.id for each in cloud.image.images(tag="gpu")] == [made.id]
    cloud.image.deactivate_image(made)
    cloud.image.reactivate_image(made)
    assert cloud.image.download_image(made).content == b"\0" * 4096
    assert cloud.delete_image("sdk-image", wait=True)
    print("images")


def networks(cloud: Any) -> None:
    network = cloud.create_network("sdk-net")
    subnet = cloud.create_subnet(
        network.id, cidr="10.78.0.0/24", subnet_name="sdk-subnet", enable_dhcp=True, dns_nameservers=["192.0.2.53"]
    )
    assert cloud.update_subnet(subnet.id, subnet_name="sdk-sub").name == "sdk-sub"
    assert cloud.update_network(network.id, name="sdk-network").name == "sdk-network"
    group = cloud.create_security_group("sdk-web", "the web")
    rule = cloud.create_security_group_rule(
        group.id, port_range_min=80, port_range_max=80, protocol="tcp", remote_ip_prefix="0.0.0.0/0"
    )
    port = cloud.create_port(network.id, name="sdk-port", security_groups=[group.id])
    assert cloud.update_port(port.id, name="sdk-p").name == "sdk-p"
    assert [each.id for each in cloud.list_ports(filters={"network_id": network.id, "name": "sdk-p"})] == [port.id]
    assert cloud.search_networks("sdk-network") and cloud.get_subnet("sdk-sub") and cloud.search_subnets("sdk-sub")
    assert cloud.get_external_networks() or not cloud.has_service("router")
    cloud.network.set_tags(port, ["one", "two"])
    assert [each.id for each in cloud.network.ports(tags="one,two")] == [port.id]
    if cloud._has_neutron_extension("router"):
        [external] = [each for each in cloud.list_networks() if each.is_router_external]
        router = cloud.create_router("sdk-router", ext_gateway_net_id=external.id)
        cloud.add_router_interface(router, subnet_id=subnet.id)
        assert len(cloud.list_router_interfaces(router, "internal")) == 1
        address = cloud.create_floating_ip(network=external.id)
        assert cloud.search_floating_ips(filters={"floating_ip_address": address.floating_ip_address})
        assert cloud.delete_floating_ip(address.id)
        cloud.remove_router_interface(router, subnet_id=subnet.id)
        assert cloud.delete_router(router.id)
    assert cloud.delete_port(port.id) and cloud.delete_security_group_rule(rule.id)
    assert cloud.delete_security_group("sdk-web") and cloud.delete_subnet("sdk-sub")
    assert cloud.delete_network("sdk-network") and not cloud.delete_network("sdk-network")
    print("networks")


def aggregates(cloud: Any) -> None:
    made = cloud.create_aggregate("sdk-racks", availability_zone="sdk-zone")
    assert cloud.add_host_to_aggregate(made.id, "host2").hosts == ["host2"]
    assert cloud.set_aggregate_metadata(made.id, {"gpu": "a100"}).metadata["gpu"] == "a100"
    assert cloud.update_aggregate(made.id, name="sdk-rows").name == "sdk-rows"
    assert "sdk-zone" in cloud.list_availability_zone_names()
    assert cloud.search_aggregates("sdk-rows") and cloud.get_aggregate("sdk-rows")
    cloud.remove_host_from_aggregate(made.id, "host2")
    assert cloud.delete_aggregate(made.id)
    group = cloud.create_server_group("sdk-apart", policy="anti-affinity")
    assert cloud.get_server_group("sdk-apart").id == group.id and cloud.delete_server_group("sdk-apart")
    print("aggregates")


def servers(cloud: Any, image_id: str) -> None:
    made = cloud.create_server(
        "sdk1",
        image=image_id,
        flavor="sdk.gpu",
        network="private",
        key_name="sdk-key",
        userdata="#!/bin/sh\n",
        meta={"by": "sdk"},
        auto_ip=False,
        wait=True,
        timeout=60,
    )
    assert (made.status, made.metadata, made.key_name) == ("ACTIVE", {"by": "sdk"}, "sdk-key")
    assert made.private_v4.startswith("10.66.0.")
    assert cloud.get_server("sdk1").id == made.id and cloud.search_servers("sdk*", filters={"status": "ACTIVE"})
    assert base64.b64decode(cloud.compute.get_server(made.id).user_data) == b"#!/bin/sh\n"
    assert [each.name for each in cloud.list_servers(detailed=True, all_projects=True) if each.id == made.id]
    assert cloud.get_server_console(made) and cloud.get_server_meta(made)
    assert cloud.compute.create_console(made, "novnc")["url"]
    cloud.set_server_metadata(made.id, {"two": "2"})
    cloud.delete_server_metadata(made.id, ["two"])
    assert cloud.update_server(made.id, name="sdk2").name == "sdk2"
    cloud.compute.add_tag_to_server(made, "gpu")
    assert [each.id for each in cloud.compute.servers(tags="gpu")] == [made.id]
    assert next(cloud.compute.server_interfaces(made)).net_id
    group = cloud.create_security_group("sdk-more", "more")
    assert cloud.add_server_security_groups(made, group.name) and cloud.remove_server_security_groups(made, group.name)
    cloud.delete_security_group(group.id)
    acts = (
        (cloud.compute.pause_server, "PAUSED"),
        (cloud.compute.unpause_server, "ACTIVE"),
        (cloud.compute.stop_server, "SHUTOFF"),
        (cloud.compute.start_server, "ACTIVE"),
        (cloud.compute.shelve_server, "SHELVED_OFFLOADED"),
        (cloud.compute.unshelve_server, "ACTIVE"),
        (cloud.compute.rescue_server, "RESCUE"),
        (cloud.compute.unrescue_server, "ACTIVE"),
    )
    for act, status in acts:
        act(made)
        settle(cloud, made, status)
    try:
        cloud.compute.suspend_server(made)
        raise AssertionError("a guest with a GPU was suspended")
    except openstack.exceptions.ConflictException as refusal:
        assert "has devices of its host" in str(refusal)
    cloud.compute.reboot_server(made, "HARD")
    settle(cloud, made, "ACTIVE")
    assert {each.action for each in cloud.compute.server_actions(made)} >= {"create", "pause", "shelve", "reboot"}
    assert cloud.rebuild_server(made.id, image_id, wait=True, timeout=60).status == "ACTIVE"
    snapshot = cloud.create_image_snapshot("sdk-snapshot", made, wait=True, timeout=60)
    assert snapshot.status == "active" and cloud.delete_image(snapshot.id)
    assert cloud.delete_server("sdk2", wait=True, timeout=60) and not cloud.delete_server("sdk2")
    assert cloud.delete_flavor("sdk.gpu") and cloud.delete_keypair("sdk-key")
    print("servers")


def settle(cloud: Any, server: Any, status: str) -> None:
    """Waits for a status, with no task under way."""
    end = time.monotonic() + 60
    while True:
        read = cloud.compute.get_server(server.id)
        if read.status == status and read.task_state is None:
            return
        assert time.monotonic() < end, (status, read.status, read.task_state)
        time.sleep(0.2)


def placement(cloud: Any) -> None:
    roots = [each for each in cloud.placement.resource_providers() if each.parent_provider_id is None]
    assert [each.name for each in roots] == ["host1", "host2"]
    assert {each.resource_class for each in cloud.placement.resource_provider_inventories(roots[0])} >= {"VCPU"}
    assert next(cloud.placement.resource_classes()) and next(cloud.placement.traits())
    print("placement")


if __name__ == "__main__":
    main(*sys.argv[1:])
