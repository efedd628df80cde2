"""Sharing: members of images, what they have said, and what they see."""

from __future__ import annotations

import httpx
import pytest

from tests.api.serving import ApiServer
from tests.api.test_servers import create as create_server

IMAGES = "/image/v2/images"
OLD = {"Content-Type": "application/openstack-images-v2.0-json-patch"}


def other(server: ApiServer, name: str = "ann") -> tuple[httpx.Client, str]:
    """A user of another project, and that project."""
    client = server.client(server.user(name))
    project = server.client().get("/identity/v3/projects", params={"name": name}).json()["projects"][0]["id"]
    return client, str(project)


def ids(client: httpx.Client, **query: str) -> set[str]:
    answer = client.get(IMAGES, params=query)
    answer.raise_for_status()
    return {image["id"] for image in answer.json()["images"]}


def test_a_member_sees_boots_and_downloads_a_shared_image_and_lists_it_once_accepted(api_server: ApiServer) -> None:
    admin, (ann, project) = api_server.client(), other(api_server)
    image = api_server.image(visibility="shared")
    url = f"{IMAGES}/{image}"
    assert ann.get(url).status_code == 404

    made = admin.post(f"{url}/members", json={"member": project})

    assert (made.json()["member_id"], made.json()["image_id"], made.json()["status"]) == (project, image, "pending")
    assert ann.get(url).status_code == 200
    assert ids(ann) == set()
    assert ids(ann, member_status="pending", visibility="shared") == {image}
    assert ids(ann, member_status="all") == {image}
    assert ann.put(f"{url}/members/{project}", json={"status": "accepted"}).json()["status"] == "accepted"
    assert ids(ann) == ids(ann, visibility="shared") == {image}
    assert ids(ann, member_status="rejected") == ids(ann, visibility="private") == set()
    assert ann.get(f"{url}/file").content == b"data of new1"
    assert create_server(ann, image).status_code == 202
    assert admin.delete(f"{url}/members/{project}").status_code == 204
    assert (ann.get(url).status_code, ids(ann)) == (404, set())
    assert create_server(ann, image).status_code == 400


def test_who_is_asked_answers_and_who_shares_does_not(api_server: ApiServer) -> None:
    ann, _ = other(api_server)
    bob, project = other(api_server, "bob")
    _, third = other(api_server, "eve")
    image = ann.post(IMAGES, json={"name": "x"}).json()["id"]
    url = f"{IMAGES}/{image}/members"
    ann.post(url, json={"member": project}).raise_for_status()
    ann.post(url, json={"member": third}).raise_for_status()

    assert ann.put(f"{url}/{project}", json={"status": "accepted"}).status_code == 403
    assert bob.put(f"{url}/{project}", json={"status": "perhaps"}).status_code == 400
    assert bob.put(f"{url}/{third}", json={"status": "accepted"}).status_code == 403
    assert bob.put(f"{url}/{project}", json={"status": "rejected"}).status_code == 200
    assert {each["member_id"]: each["status"] for each in ann.get(url).json()["members"]} == {
        project: "rejected",
        third: "pending",
    }
    assert [each["member_id"] for each in bob.get(url).json()["members"]] == [project]
    assert bob.get(f"{url}/{third}").status_code == 404
    assert bob.post(url, json={"member": "more"}).status_code == 403
    assert bob.delete(f"{url}/{project}").status_code == 403
    assert bob.patch(f"{IMAGES}/{image}", json=[{"replace": "/name", "value": "y"}], headers=OLD).status_code == 403


def test_members_are_of_shared_images_once_each_and_bounded(api_server: ApiServer) -> None:
    client = api_server.client()
    shared = client.post(IMAGES, json={"name": "x"}).json()["id"]
    private = client.post(IMAGES, json={"name": "x", "visibility": "private"}).json()["id"]

    assert client.post(f"{IMAGES}/{private}/members", json={"member": "p"}).status_code == 403
    for number in range(128):
        assert client.post(f"{IMAGES}/{shared}/members", json={"member": f"p{number}"}).status_code == 200
    assert client.post(f"{IMAGES}/{shared}/members", json={"member": "p1"}).status_code == 409
    assert client.post(f"{IMAGES}/{shared}/members", json={"member": "p128"}).status_code == 413
    assert client.get(f"{IMAGES}/{shared}/members/none").status_code == 404


def test_an_image_that_is_private_again_is_nobody_elses(api_server: ApiServer) -> None:
    admin, (ann, project) = api_server.client(), other(api_server)
    image = api_server.image(visibility="shared")
    admin.post(f"{IMAGES}/{image}/members", json={"member": project}).raise_for_status()

    change = [{"op": "replace", "path": "/visibility", "value": "private"}]
    admin.patch(f"{IMAGES}/{image}", json=change, headers=OLD).raise_for_status()

    assert ann.get(f"{IMAGES}/{image}").status_code == 404


def test_a_community_image_is_in_lists_of_others_only_when_asked_for(api_server: ApiServer) -> None:
    ann, _ = other(api_server)
    image = api_server.image(visibility="community")

    assert ann.get(f"{IMAGES}/{image}").status_code == 200
    assert ids(ann) == set()
    assert ids(ann, visibility="community") == ids(ann, visibility="all") == {image}
    assert ann.get(IMAGES, params={"visibility": "everybody"}).status_code == 400
    assert ann.get(IMAGES, params={"member_status": "unsure"}).status_code == 400


def test_only_an_admin_gives_an_image_to_another_project(api_server: ApiServer) -> None:
    admin, (ann, project) = api_server.client(), other(api_server)
    given = admin.post(IMAGES, json={"name": "x", "owner": project}).json()
    own = ann.post(IMAGES, json={"name": "x", "owner": project}).json()
    give = [{"replace": "/owner", "value": "elsewhere"}]

    assert given["owner"] == own["owner"] == project
    assert ann.post(IMAGES, json={"name": "x", "owner": "elsewhere"}).status_code == 403
    assert ann.patch(f"{IMAGES}/{own['id']}", json=give, headers=OLD).status_code == 403
    assert admin.patch(f"{IMAGES}/{own['id']}", json=give, headers=OLD).json()["owner"] == "elsewhere"
    assert ann.get(f"{IMAGES}/{own['id']}").status_code == 404


@pytest.mark.parametrize("path", ["/os_glance_failed_import", "/locations", "/locations/-", "/stores"])
def test_what_is_the_image_services_own_is_not_changed(api_server: ApiServer, path: str) -> None:
    client = api_server.client()
    image = client.post(IMAGES, json={"name": "x"}).json()["id"]

    answer = client.patch(f"{IMAGES}/{image}", json=[{"op": "add", "path": path, "value": "x"}], headers=OLD)

    assert answer.status_code == 403
    assert client.post(IMAGES, json={"name": "x", "os_glance_foo": "bar"}).status_code == 403


def test_a_change_of_another_media_type_is_refused(api_server: ApiServer) -> None:
    client = api_server.client()
    image = client.post(IMAGES, json={"name": "x"}).json()["id"]

    answer = client.patch(f"{IMAGES}/{image}", content=b"[]", headers={"Content-Type": "text/plain"})

    assert answer.status_code == 415 and "v2.1-json-patch" in answer.text


def test_an_owner_deactivates_and_reactivates(api_server: ApiServer) -> None:
    ann, _ = other(api_server)
    image = ann.post(IMAGES, json={"name": "x", "disk_format": "raw", "container_format": "bare"}).json()["id"]
    url = f"{IMAGES}/{image}"
    ann.put(f"{url}/file", content=b"data").raise_for_status()

    assert ann.post(f"{url}/actions/deactivate").status_code == 204
    assert ann.get(f"{url}/file").status_code == 403
    assert ann.post(f"{url}/actions/reactivate").status_code == 204
    assert ann.get(f"{url}/file").status_code == 200


def test_the_body_of_an_answer_may_name_the_project_of_the_path_and_no_other(api_server: ApiServer) -> None:
    """openstacksdk names it."""
    admin = api_server.client()
    image = api_server.image()
    admin.patch(
        f"/image/v2/images/{image}",
        json=[{"op": "replace", "path": "/visibility", "value": "shared"}],
        headers={"content-type": "application/openstack-images-v2.1-json-patch"},
    ).raise_for_status()
    ann = api_server.client(api_server.user("ann"))
    mine = ann.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    admin.post(f"/image/v2/images/{image}/members", json={"member": mine}).raise_for_status()
    path = f"/image/v2/images/{image}/members/{mine}"

    other = ann.put(path, json={"member": "another", "status": "accepted"})
    same = ann.put(path, json={"member": mine, "status": "accepted"})

    assert (other.status_code, same.status_code, same.json()["status"]) == (400, 200, "accepted")
