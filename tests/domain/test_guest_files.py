import base64
import json
from dataclasses import replace

import pytest

from busway.domain.documents import ConfigDrive, DesiredServer, ImageRef, Nic
from busway.domain.errors import HostError
from busway.domain.guest_files import MOST_PATH, openstack_files, read_path
from busway.domain.guest_machine import Machine
from busway.domain.ids import ImageId, ServerId

META = {
    "hostname": "trainer",
    "availability_zone": "nova",
    "keys": [{"name": "a/b", "type": "ssh", "data": "ssh-ed25519 AAAA"}],
}


def server(user_data: bytes | None = b"#!/bin/sh\n") -> DesiredServer:
    data = base64.b64encode(user_data).decode() if user_data is not None else ""
    return DesiredServer(
        ServerId("s"), "instance-0000000a", 1, 1, 1, ImageRef(ImageId("i"), "", 0, "raw"), (),
        (Nic("fa:16:3e:00:00:01", "", 0), Nic("fa:16:3e:00:00:02", "10.0.0.5", 24)),
        ConfigDrive(json.dumps(META), '{"links": []}', data),
    )  # fmt: skip


def text(path: str) -> str | None:
    data = read_path(server(), path)
    return data.decode() if data is not None else None


def test_openstacks_paths_are_the_files_of_the_configuration_drive() -> None:
    for name, data in openstack_files(server().config_drive).items():
        assert read_path(server(), f"/openstack/latest/{name}") == data
        assert read_path(server(), f"/openstack/2018-08-27/{name}") == data
    assert text("/openstack/latest/vendor_data.json") == text("/openstack/latest/vendor_data2.json") == "{}"


def test_folders_are_listed() -> None:
    assert text("/openstack/latest/") == "\n".join(
        ("meta_data.json", "network_data.json", "vendor_data.json", "vendor_data2.json", "user_data")
    )
    assert (text("/openstack") or "").endswith("\n2020-10-14\nlatest")
    assert (text("/") or "").endswith("\nlatest\nopenstack")
    assert text("/latest") == "meta-data/\nuser-data"
    assert "placement/" in (text("/latest/meta-data/") or "").split("\n")
    assert "hostname" in (text("/2009-04-04/meta-data") or "").split("\n")


def test_ec2s_paths() -> None:
    assert text("/latest/user-data") == "#!/bin/sh\n"
    assert text("/latest/meta-data/instance-id") == "i-0000000a"
    assert text("/latest/meta-data/local-ipv4") == "10.0.0.5"
    assert text("/1.0/meta-data/placement/availability-zone") == "nova"
    assert text("/latest/meta-data/block-device-mapping/") == "ami\nroot"
    assert text("/latest/meta-data/public-keys/") == "0=a_b"
    assert text("/latest/meta-data/public-keys/0/") == "openssh-key"
    assert text("/latest/meta-data/public-keys/0/openssh-key") == "ssh-ed25519 AAAA"


def test_ec2s_names_of_the_disks_that_a_flavor_gives() -> None:
    def mapping(machine: Machine) -> dict[str, str]:
        asked = replace(server(), machine=machine)
        folder = "/latest/meta-data/block-device-mapping"
        names = (read_path(asked, f"{folder}/") or b"").decode().split()
        return {name: (read_path(asked, f"{folder}/{name}") or b"").decode() for name in names}

    assert mapping(Machine(ephemeral_gb=1, swap_mb=64)) == {
        "ami": "vda",
        "root": "/dev/vda",
        "ephemeral0": "/dev/vdb",
        "swap": "/dev/vdc",
    }
    assert mapping(Machine(swap_mb=64, disk_bus="scsi")) == {"ami": "sda", "root": "/dev/sda", "swap": "/dev/sdb"}


@pytest.mark.parametrize(
    "path",
    [
        "/x",
        "/openstack/2099-01-01",
        "/openstack/latest/meta_data.json/x",
        "/latest/meta-data/public-keys/1",
        "/latest/../x",
    ],
)
def test_nothing_is_at_other_paths(path: str) -> None:
    assert read_path(server(), path) is None


def test_a_guest_without_user_data_has_no_such_file() -> None:
    assert read_path(server(None), "/openstack/latest/user_data") is None
    assert read_path(server(None), "/latest/user-data") is None


def test_a_path_without_end_is_not_looked_at() -> None:
    assert read_path(server(), "/" * (MOST_PATH + 1)) is None


def test_vendor_data_is_what_the_document_says() -> None:
    assert openstack_files(ConfigDrive("{}", "{}", vendor_data='{"cloud-init": ""}'))["vendor_data.json"] == (
        b'{"cloud-init": ""}'
    )


def test_user_data_that_is_no_base64_is_told() -> None:
    with pytest.raises(HostError, match="not base64"):
        openstack_files(ConfigDrive("{}", "{}", "%%%"))


def test_the_files_of_a_request_are_served_by_their_numbers() -> None:
    given = replace(server(), config_drive=replace(server().config_drive, contents=("aGVsbG8=", "Ynll")))

    assert read_path(given, "/openstack/content/") == b"0000\n0001"
    assert read_path(given, "/openstack/content/0001") == b"bye"
    assert read_path(given, "/openstack/content/0002") is None
    assert read_path(server(), "/openstack/content/") is None
