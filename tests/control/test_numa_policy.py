"""The PCI NUMA policy of flavor and image, as far as the control plane carries it; and tags that keep a device back."""

from dataclasses import replace

import pytest

from busway.control.servers.create import create_servers
from busway.domain.device_spec import parse_device_specs
from busway.domain.errors import Forbidden
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from busway.store import images as image_store
from tests.control.clouds import ADMIN, Cloud


def ask(cloud: Cloud, flavor_policy: str, image_policy: str) -> ServerStatus:
    with cloud.control.db.write() as tx:
        image = image_store.get_image(tx, cloud.image)
        image_store.save_image(tx, replace(image, properties={"hw_pci_numa_affinity_policy": image_policy}))
    specs = {**cloud.gpu_flavor.extra_specs, "hw:pci_numa_affinity_policy": flavor_policy}
    request = CreateServer("s", replace(cloud.gpu_flavor, extra_specs=specs), cloud.image)
    [server] = create_servers(cloud.control, ADMIN, request, "req-1")
    return cloud.server(server.id).status


def test_a_server_whose_flavor_and_image_disagree_is_forbidden_and_not_made(cloud: Cloud) -> None:
    with pytest.raises(Forbidden, match="preferred and the flavor for required"):
        ask(cloud, "required", "preferred")
    assert ask(cloud, "required", "required") is ServerStatus.BUILD


def test_a_device_that_a_spec_keeps_for_remote_management_is_given_to_no_server(cloud: Cloud) -> None:
    rules = parse_device_specs(['{"remote_managed": "yes"}'])
    cloud.control = replace(cloud.control, settings=replace(cloud.control.settings, device_specs=rules))
    cloud.host("h1")
    [server] = cloud.boot()
    assert server.status is ServerStatus.ERROR
