"""Needs the lab and the stock clients: what a real kernel and a real libvirt refuse arrives as the server's fault."""

import pytest

from tests.cloud.clients import User

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_a_guest_that_libvirt_refuses_ends_in_error_with_its_words_and_the_device_comes_back(user: User) -> None:
    user.run("openstack", "flavor", "create", "m1.huge", "--ram", "24000", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.huge", "--property", "pci_passthrough:alias=a1:1")
    user.run("openstack", "server", "create", "--image", "new1", "--flavor", "m1.huge", "--wait", "huge", fails=True)
    fault = user.run("openstack", "server", "show", "huge", "-f", "value", "-c", "fault")
    assert "cannot set up guest memory" in fault.lower()
    user.wait_for("the device to come back", lambda: "allocated" not in {d["status"] for d in user.devices()})
    assert {user.driver(d["address"]) for d in user.devices() if d["product_id"] == "1111"} == {"bochs-drm"}
    user.run("openstack", "server", "delete", "--wait", "huge")


def test_a_device_that_vanishes_between_claim_and_bind_fails_the_build_and_nothing_else(user: User) -> None:
    user.cloud.kill_agent(user.host)
    user.run("openstack", "flavor", "create", "m1.vanish", "--ram", "192", "--disk", "1", "--vcpus", "1")
    user.run("openstack", "flavor", "set", "m1.vanish", "--property", "pci_passthrough:alias=a1:1")
    user.run("openstack", "server", "create", "--image", "new1", "--flavor", "m1.vanish", "vanish")
    user.wait_for("the claim", lambda: any(d["status"] == "claimed" for d in user.devices()))
    address = user.device_of("vanish")["address"]
    user.host.write(f"/sys/bus/pci/devices/{address}/remove", b"1")
    user.cloud.start_agent(user.host)
    user.wait_for("the build to fail", lambda: user.status("vanish") == "ERROR")
    fault = user.run("openstack", "server", "show", "vanish", "-f", "value", "-c", "fault")
    assert str(address) in fault

    user.host.write("/sys/bus/pci/rescan", b"1")
    user.run("openstack", "server", "delete", "--wait", "vanish")

    def back() -> bool:
        return all(d["status"] == "available" for d in user.devices() if d["address"] == address)

    user.wait_for("the device to be available again", back)


def test_an_agent_that_speaks_for_another_host_is_refused(user: User) -> None:
    import httpx

    token = user.host.exec(["sed", "-n", 's/.*"token": "\\(.*\\)".*/\\1/p', "/var/lib/busway/gpu-host-1.json"]).text()
    headers = {"Authorization": f"Bearer {token.strip()}"}
    answer = httpx.get(f"{user.cloud.url}/agent/v1/hosts/gpu-host-2/desired", headers=headers)
    assert answer.status_code == 403
    assert "does not give access to the documents of host gpu-host-2" in answer.json()["error"]["brief"]
