"""What a guest may read of itself, as files: OpenStack's and EC2's names for the documents that its host has of it.

The configuration drive has the first, the metadata service both, under each of the versions that clients ask for. EC2's
names are those that Nova answers from what a host knows: no image, flavor or group has an EC2 name here.
"""

from __future__ import annotations

import json

from busway.domain.disk_role import DiskRole, disk_names
from busway.domain.documents import ConfigDrive, DesiredServer
from busway.domain.errors import BadInput, HostError
from busway.domain.user_data import decode_base64, decode_user_data

OPENSTACK_VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "latest",
)  # fmt: skip
EC2_VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "latest",
)  # fmt: skip
MOST_PATH = 512  # characters
_EMPTY = b"{}"


def openstack_files(drive: ConfigDrive) -> dict[str, bytes]:
    """The files of one version of OpenStack's; raises `HostError` for user data that is not base64."""
    files = {
        "meta_data.json": drive.meta_data.encode(),
        "network_data.json": drive.network_data.encode(),
        "vendor_data.json": drive.vendor_data.encode() or _EMPTY,
        "vendor_data2.json": _EMPTY,
    }
    if drive.user_data:
        try:
            files["user_data"] = decode_user_data(drive.user_data)
        except BadInput as error:
            raise HostError(error.brief, detail=error.detail, remedy=error.remedy, code="user-data-form") from error
    return files


def content_files(drive: ConfigDrive) -> dict[str, bytes]:
    """The files that a user gave, under the names by which `meta_data.json` tells where they go."""
    return {content_name(number): decode_base64(text, "file") for number, text in enumerate(drive.contents)}


def content_name(number: int) -> str:
    """The name of a given file in the folder `content`. Source: Nova's (nova/api/metadata/base.py)."""
    return f"{number:04}"


def ec2_files(server: DesiredServer) -> dict[str, bytes]:
    """The files of one version of EC2's; a key pair's name is the text of its number's folder, as EC2 lists it."""
    meta = json.loads(server.config_drive.meta_data)
    name = str(meta.get("hostname", ""))
    found = {
        "ami-launch-index": str(meta.get("launch_index", 0)),
        "hostname": name,
        "instance-action": "none",
        "instance-id": f"i-{server.name.rpartition('-')[2]}",
        "local-hostname": name,
        "local-ipv4": next((nic.address for nic in server.nics if nic.address), ""),
        "placement/availability-zone": str(meta.get("availability_zone", "")),
        "public-hostname": name,
    }
    found |= {f"block-device-mapping/{part}": device for part, device in _mapping(server).items()}
    for number, key in enumerate(meta.get("keys", ())):
        found[f"public-keys/{number}={key['name'].replace('/', '_')}/openssh-key"] = key["data"]
    files = {f"meta-data/{path}": text.encode() for path, text in found.items()}
    data = openstack_files(server.config_drive).get("user_data")
    return files if data is None else files | {"user-data": data}


def _mapping(server: DesiredServer) -> dict[str, str]:
    """The guest's disks by EC2's names, as Nova has them: `ami` alone is without /dev."""
    names = disk_names(server)
    found = {"ami": names["root"], "root": f"/dev/{names['root']}"}
    ec2 = {DiskRole.EPHEMERAL: "ephemeral0", DiskRole.SWAP: "swap"}
    return found | {word: f"/dev/{names[role]}" for role, word in ec2.items() if role in names}


def read_path(server: DesiredServer, path: str) -> bytes | None:
    """What a guest gets at a path of the metadata service: a file, the list of a folder, None for neither.

    Raises `HostError` as `openstack_files` does.
    """
    if len(path) > MOST_PATH:
        return None
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "\n".join((*EC2_VERSIONS, "openstack")).encode()
    if parts[0] != "openstack":
        return _find(ec2_files(server), parts[1:]) if parts[0] in EC2_VERSIONS else None
    if len(parts) == 1:
        return "\n".join(OPENSTACK_VERSIONS).encode()
    if parts[1] == "content":
        return _find(content_files(server.config_drive), parts[2:])
    if is_password(path):
        return b""  # the guest may post one: what it has posted is its user's
    return _find(openstack_files(server.config_drive), parts[2:]) if parts[1] in OPENSTACK_VERSIONS else None


def is_password(path: str) -> bool:
    """True for the place to which a guest posts the password that it has made, from OpenStack's version 2013-04-04 on."""
    first, *rest = [part for part in path.split("/") if part] or [""]
    return first == "openstack" and len(rest) == 2 and rest[1] == "password" and rest[0] in OPENSTACK_VERSIONS[1:]


def _find(files: dict[str, bytes], parts: list[str]) -> bytes | None:
    """A numbered folder is listed with its name and asked for without."""
    inside: dict[str, None] = {}
    for path, data in files.items():
        steps = path.split("/")
        if [_asked(step) for step in steps[: len(parts)]] != parts:
            continue
        if len(steps) == len(parts):
            return data
        rest = steps[len(parts)]
        inside[rest if "=" in rest or len(steps) == len(parts) + 1 else f"{rest}/"] = None
    return "\n".join(inside).encode() if inside else None


def _asked(step: str) -> str:
    number, equals, _name = step.partition("=")
    return number if equals else step
