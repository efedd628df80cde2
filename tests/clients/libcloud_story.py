"""A server's life by apache-libcloud's driver for OpenStack, as a user of it writes it; runs in .venv-client-libcloud.

Arguments: the cloud's address, the administrator's password and the id of an image. Each part prints its name once it has passed.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from libcloud.common.exceptions import BaseHTTPError
from libcloud.compute.base import NodeImage
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAmQ9UKqXw8ic6oJYCMuuQOg5rmzuLCEPqwYkZF libcloud"


def main(url: str, password: str, image_id: str) -> None:
    driver = get_driver(Provider.OPENSTACK)(
        "admin",
        password,
        api_version="2.2",
        ex_force_auth_url=f"{url}/identity",
        ex_force_auth_version="3.x_password",
        ex_tenant_name="admin",
        ex_domain_name="Default",
        ex_force_service_region="RegionOne",
    )
    image = look_around(driver, image_id)
    keep_keys_and_groups(driver)
    node = boot(driver, image)
    ports_and_networks(driver, node)
    change(driver, node, image)
    resize(driver, node)
    snapshot(driver, node)
    addresses(driver)
    end(driver, node)


def look_around(driver: Any, image_id: str) -> NodeImage:
    sizes = {size.name: size for size in driver.list_sizes()}
    assert (sizes["m1.tiny"].ram, sizes["m1.tiny"].vcpus) == (192, 1)
    assert driver.ex_get_size(sizes["m1.tiny"].id).name == "m1.tiny"
    assert driver.ex_get_size_extra_specs(sizes["m1.small"].id) == {"pci_passthrough:alias": "a1:1"}
    image = driver.get_image(image_id)
    assert image_id in {each.id for each in driver.list_images()}
    assert len(driver.list_locations()) == 1
    assert "private" in {network.name for network in driver.ex_list_networks()}
    assert {subnet.name for subnet in driver.ex_list_subnets()} >= {"private", "private-v6"}
    print("look around")
    return image


def keep_keys_and_groups(driver: Any) -> None:
    assert driver.import_key_pair_from_string("lc-key", PUBLIC).fingerprint
    assert driver.get_key_pair("lc-key").public_key.split()[1] == PUBLIC.split()[1]
    own = driver.create_key_pair("lc-own")
    assert "PRIVATE KEY" in own.private_key
    assert {pair.name for pair in driver.list_key_pairs()} >= {"lc-key", "lc-own"}
    assert driver.delete_key_pair(own)
    group = driver.ex_create_security_group("lc-web", "the web")
    rule = driver.ex_create_security_group_rule(group, "tcp", 80, 443, "0.0.0.0/0")
    assert (rule.from_port, rule.to_port) == (80, 443)
    assert driver.ex_delete_security_group_rule(rule)
    together = driver.ex_add_server_group("lc-apart", "anti-affinity")
    assert together.id in {each.id for each in driver.ex_list_server_groups()}
    assert driver.ex_del_server_group(together)
    print("keys and groups")


def boot(driver: Any, image: NodeImage) -> Any:
    [size] = [size for size in driver.list_sizes() if size.name == "m1.small"]
    [network] = [network for network in driver.ex_list_networks() if network.name == "private"]
    [group] = [group for group in driver.ex_list_security_groups() if group.name == "lc-web"]
    made = driver.create_node(
        name="lc1",
        size=size,
        image=image,
        networks=[network],
        ex_keyname="lc-key",
        ex_userdata="#!/bin/sh\n",
        ex_metadata={"by": "libcloud"},
        ex_security_groups=[group],
        ex_config_drive=True,
    )
    [(node, found)] = driver.wait_until_running([made], wait_period=0.3, timeout=60, ssh_interface="private_ips")
    assert (node.state, node.extra["key_name"]) == (NodeState.RUNNING, "lc-key")
    assert any(address.startswith("10.66.0.") for address in found)
    assert driver.ex_get_metadata(node) == {"by": "libcloud"}
    assert [group.name for group in driver.ex_get_node_security_groups(node)] == ["lc-web"]
    assert "lc1" in {each.name for each in driver.list_nodes()}
    print("boot")
    return node


def ports_and_networks(driver: Any, node: Any) -> None:
    [port] = driver.ex_get_node_ports(node)
    assert port.id in {each.id for each in driver.ex_list_ports()}
    network = driver.ex_create_network("lc-net")
    subnet = driver.ex_create_subnet("lc-subnet", network, "10.99.0.0/24")
    assert driver.ex_get_network(network.id).name == "lc-net"
    made = driver.ex_create_port(network, name="lc-port")
    assert driver.ex_update_port(made, description="changed").extra["description"] == "changed"
    assert driver.ex_delete_port(made)
    assert driver.ex_delete_subnet(subnet)
    assert driver.ex_delete_network(network)
    print("ports and networks")


def change(driver: Any, node: Any, image: NodeImage) -> None:
    assert driver.ex_set_metadata(node, {"by": "libcloud", "two": "2"})["two"] == "2"
    assert driver.ex_set_server_name(node, "lc2").name == "lc2"
    acts = (
        (driver.reboot_node, "active"),
        (driver.ex_hard_reboot_node, "active"),
        (driver.ex_pause_node, "paused"),
        (driver.ex_unpause_node, "active"),
        (driver.stop_node, "stopped"),
        (driver.start_node, "active"),
        (driver.ex_rescue, "rescued"),
        (driver.ex_unrescue, "active"),
    )
    for act, state in acts:
        assert act(node), act
        settle(driver, node, state)
    assert driver.ex_get_console_output(node)["output"]
    for act, words in (
        (driver.ex_suspend_node, "has devices of its host"),
        (lambda it: driver.ex_rebuild(it, image), "flavorRef"),
    ):
        try:
            act(node)
            raise AssertionError("it was not refused")
        except BaseHTTPError as refusal:
            assert words in str(refusal), refusal
    print("change")


def resize(driver: Any, node: Any) -> None:
    [larger] = [size for size in driver.list_sizes() if size.name == "m1.medium"]
    assert driver.ex_resize(node, larger)
    settle(driver, node, "resized")
    assert driver.ex_confirm_resize(node)
    settle(driver, node, "active")
    assert driver.ex_get_node_details(node.id).extra["flavorId"] == larger.id
    print("resize")


def snapshot(driver: Any, node: Any) -> None:
    driver.stop_node(node)
    settle(driver, node, "stopped")
    made = driver.create_image(node, "lc-snap", metadata={"of": "lc2"})
    wait(lambda: driver.get_image(made.id).extra["status"] == "active")
    assert driver.delete_image(made)
    print("snapshot")


def addresses(driver: Any) -> None:
    pools = driver.ex_list_floating_ip_pools()
    if not pools:
        print("no routers")
        return
    made = driver.ex_create_floating_ip(pools[0].name)
    assert driver.ex_get_floating_ip(made.ip_address).id == made.id
    assert made.id in {each.id for each in driver.ex_list_floating_ips()}
    assert driver.ex_delete_floating_ip(made)
    router = driver.ex_create_router("lc-router", external_gateway_info={"network_id": pools[0].id})
    assert router.id in {each.id for each in driver.ex_list_routers()}
    assert driver.ex_delete_router(router)
    print("addresses")


def end(driver: Any, node: Any) -> None:
    assert driver.destroy_node(node)
    wait(lambda: node.id not in {each.id for each in driver.list_nodes()})
    [group] = [group for group in driver.ex_list_security_groups() if group.name == "lc-web"]
    assert driver.ex_delete_security_group(group)
    assert driver.delete_key_pair(driver.get_key_pair("lc-key"))
    print("end")


def settle(driver: Any, node: Any, state: str) -> None:
    """Waits for a state, with no task under way; libcloud itself waits for a running node only."""

    def settled() -> bool:
        extra = driver.ex_get_node_details(node.id).extra
        return (extra["vm_state"], extra["task_state"]) == (state, None)

    wait(settled)


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
