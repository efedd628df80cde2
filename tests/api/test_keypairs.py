import subprocess
from pathlib import Path

import pytest

from tests.api.serving import ApiServer

KEYS = "/compute/v2.1/os-keypairs"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b"


def test_an_imported_key_is_listed_shown_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client(version="2.2")

    made = client.post(KEYS, json={"keypair": {"name": "test", "public_key": PUBLIC}})

    assert made.status_code == 201
    assert made.json()["keypair"]["type"] == "ssh"
    assert client.get(KEYS).json()["keypairs"][0]["keypair"]["name"] == "test"
    assert client.get(f"{KEYS}/test").json()["keypair"]["public_key"] == PUBLIC
    assert client.delete(f"{KEYS}/test").status_code == 204
    assert client.delete(f"{KEYS}/test").status_code == 404


def test_at_2_1_there_is_no_type_and_the_old_statuses(api_server: ApiServer) -> None:
    client = api_server.client()

    made = client.post(KEYS, json={"keypair": {"name": "test", "public_key": PUBLIC}})

    assert made.status_code == 200
    assert "type" not in made.json()["keypair"]
    assert client.delete(f"{KEYS}/test").status_code == 202


def test_a_key_is_generated_below_2_92_and_not_from_then_on(api_server: ApiServer) -> None:
    body = {"keypair": {"name": "made"}}

    made = api_server.client(version="2.91").post(KEYS, json=body).json()["keypair"]
    refused = api_server.client(version="2.92").post(KEYS, json=body)

    assert made["private_key"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert refused.status_code == 400 and "public_key" in refused.json()["badRequest"]["message"]


@pytest.mark.parametrize(
    "key", ["ssh-ed25519", "ssh-ed25519 !!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAB", "hello there"]
)
def test_what_is_no_public_key_is_refused_with_a_remedy(api_server: ApiServer, key: str) -> None:
    answer = api_server.client().post(KEYS, json={"keypair": {"name": "bad", "public_key": key}})

    assert answer.status_code == 400
    assert ".pub file" in answer.json()["badRequest"]["message"]


def test_a_taken_name_is_a_conflict_per_user(api_server: ApiServer) -> None:
    body = {"keypair": {"name": "test", "public_key": PUBLIC}}
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    admin.post(KEYS, json=body).raise_for_status()

    assert admin.post(KEYS, json=body).status_code == 409
    assert ann.post(KEYS, json=body).status_code == 200


def test_an_admin_reads_the_keys_of_others_from_2_10(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    ann.post(KEYS, json={"keypair": {"name": "anns", "public_key": PUBLIC}}).raise_for_status()
    admin = api_server.client(version="2.10")
    user = admin.get("/identity/v3/users", params={"name": "ann"}).json()["users"][0]["id"]
    me = admin.get("/identity/v3/users", params={"name": "admin"}).json()["users"][0]["id"]

    assert admin.get(KEYS, params={"user_id": user}).json()["keypairs"][0]["keypair"]["name"] == "anns"
    assert ann.get(KEYS, params={"user_id": me}, headers={"OpenStack-API-Version": "compute 2.10"}).status_code == 403


def test_a_certificate_is_made_or_imported_with_its_fingerprint(api_server: ApiServer, tmp_path: Path) -> None:
    client = api_server.client(version="2.2")

    made = client.post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "win", "type": "x509"}}).json()["keypair"]
    again = {"name": "again", "type": "x509", "public_key": made["public_key"]}
    imported = client.post("/compute/v2.1/os-keypairs", json={"keypair": again})
    wrong = client.post("/compute/v2.1/os-keypairs", json={"keypair": {**again, "name": "w", "public_key": PUBLIC}})

    pem = tmp_path / "win.pem"
    pem.write_text(made["public_key"])
    words = [
        "openssl",
        "x509",
        "-in",
        str(pem),
        "-noout",
        "-fingerprint",
        "-sha1",
        "-ext",
        "extendedKeyUsage,subjectAltName",
    ]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert made["fingerprint"].upper() in told
    assert "TLS Web Client Authentication" in told
    assert (made["type"], "PRIVATE KEY" in made["private_key"]) == ("x509", True)
    assert (imported.status_code, imported.json()["keypair"]["fingerprint"]) == (201, made["fingerprint"])
    assert (wrong.status_code, "X.509" in wrong.text) == (400, True)
