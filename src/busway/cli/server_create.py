"""`busway server create`: a server in Busway's own words."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import clouds_option, json_option, print_json
from busway.cli.waiting import timeout_option, wait_option
from busway.domain.errors import BadInput, NotFound

if TYPE_CHECKING:
    from busway.cli.client import Client


@click.command()
@click.argument("name")
@click.option("--image", metavar="IMAGE", help="The image, by name or id. Default: the only one, if there is one.")
@click.option("--gpu", "gpus", multiple=True, metavar="ALIAS[:N]", help="Devices by alias, such as h100:2.")
@click.option("--flavor", metavar="FLAVOR", help="The flavor, by name or id, instead of --gpu.")
@click.option("--key", metavar="NAME|FILE", help="The name of your key pair, or a file with a public key.")
@click.option(
    "--user-data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with user data for cloud-init.",
)
@click.option("--network", "networks", multiple=True, metavar="NETWORK", help="A network, by name or id, or `none`.")
@click.option(
    "--security-group", "groups", multiple=True, metavar="NAME", help="A security group, instead of the default one."
)
@click.option("--zone", metavar="ZONE", help="The availability zone.")
@click.option("--meta", multiple=True, metavar="KEY=VALUE", help="Metadata of the server.")
@wait_option
@timeout_option
@clouds_option
@json_option
def create(name: str, wait: bool, timeout: float, clouds: str | None, as_json: bool, **asked: Any) -> None:
    """Create server NAME.

    --gpu chooses the smallest flavor that has exactly these devices.

    Example: busway server create train --gpu h100:2 --image debian-12 --key ~/.ssh/id_ed25519.pub --wait
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import SERVERS, find_server
    from busway.cli.server_words import print_server
    from busway.cli.waiting import Waiting

    with Client(find_clouds(clouds)) as client:
        body = _body(client, name, asked)
        made = client.openstack("POST", SERVERS, {"server": body})["server"]
        if wait:
            Waiting(client, {**made, "name": name}, timeout).until("ACTIVE")
        found = find_server(client, made["id"])
        held = client.request("GET", f"servers/{made['id']}/why")["why"]["devices"]
    if as_json:
        print_json({**found, "devices": held})
        return
    print_server(found, held)
    if not wait:
        click.echo(f"It is being made. See: busway server show {name}", err=True)


def _body(client: Client, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The server as the compute API takes it; what is not given is left out."""
    body: dict[str, Any] = {
        "name": name,
        "flavorRef": _flavor(client, asked["flavor"], asked["gpus"]),
        "imageRef": _image(client, asked["image"]),
        "key_name": _key(client, asked["key"]) if asked["key"] else None,
        "user_data": base64.b64encode(asked["user_data"].read_bytes()).decode() if asked["user_data"] else None,
        "networks": _networks(client, asked["networks"]),
        "security_groups": [{"name": group} for group in asked["groups"]] or None,
        "availability_zone": asked["zone"],
        "metadata": dict(_pair(text) for text in asked["meta"]) or None,
    }
    return {key: value for key, value in body.items() if value is not None}


def _flavor(client: Client, flavor: str | None, gpus: tuple[str, ...]) -> str:
    from busway.cli.find import FLAVOR, find_one, list_all
    from busway.cli.gpu_flavor import choose_flavor, parse_gpus

    if flavor and gpus:
        raise click.UsageError("--gpu chooses a flavor: leave --flavor out, or --gpu.")
    if flavor:
        return str(find_one(client, FLAVOR, flavor)["id"])
    if not gpus:
        raise click.UsageError("Say how large: --gpu h100:2, or --flavor FLAVOR.")
    chosen, many = choose_flavor(list_all(client, FLAVOR), parse_gpus(gpus))
    more = f", the smallest of {many} with these devices" if many > 1 else ""
    _note(f"Flavor {chosen['name']}: {chosen['vcpus']} vCPU, {chosen['ram']} MB, {chosen['disk']} GB{more}.")
    return str(chosen["id"])


def _image(client: Client, image: str | None) -> str:
    from busway.cli.find import IMAGE, find_one, list_all

    if image:
        return str(find_one(client, IMAGE, image)["id"])
    usable = [each for each in list_all(client, IMAGE) if each["status"] == "active"]
    if len(usable) != 1:
        names = ", ".join(sorted(str(each["name"]) for each in usable)) or "none"
        raise BadInput(
            "No image was chosen", detail=f"There are: {names}.", remedy="Choose one: --image", code="image-unnamed"
        )
    _note(f"Image {usable[0]['name']}, the only one.")
    return str(usable[0]["id"])


def _key(client: Client, word: str) -> str:
    """The name of a key pair; a file's is made where it is not there yet, with a name that tells its content."""
    path = Path(word).expanduser()
    known = {each["keypair"]["name"] for each in client.openstack("GET", "compute/v2.1/os-keypairs")["keypairs"]}
    if word in known or not path.is_file():
        if word not in known:
            there = ", ".join(sorted(known)) or "none"
            raise NotFound(
                f"There is no key pair or file '{word}'",
                detail=f"Your key pairs: {there}.",
                remedy="Choose one, or a file with a public key such as ~/.ssh/id_ed25519.pub.",
                code="name-not-found",
            )
        return word
    text = path.read_text("utf-8", "replace").strip()
    if "PRIVATE KEY" in text:
        raise BadInput(f"{path} is a private key", remedy=f"Use the public key: {path}.pub", code="key-private")
    name = f"{path.stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if name not in known:
        client.openstack("POST", "compute/v2.1/os-keypairs", {"keypair": {"name": name, "public_key": text}})
        _note(f"Key pair {name} is made of {path}.")
    return name


def _networks(client: Client, words: tuple[str, ...]) -> Any:
    from busway.cli.find import NETWORK, find_one

    if words == ("none",):
        return "none"
    return [{"uuid": find_one(client, NETWORK, word)["id"]} for word in words] or "auto"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"'{text}' is not KEY=VALUE.")
    return key, value


def _note(text: str) -> None:
    click.echo(text, err=True)
