"""Shelved servers keep their devices until they are offloaded; offloaded ones are placed anew."""

from dataclasses import replace

import pytest

from busway.control import aggregates, quotas
from busway.control.devices import listing as devices
from busway.control.images import catalogue as images
from busway.control.images.importing import import_image
from busway.control.images.purge import purge_deleted_images
from busway.control.images.upload import begin_stage, begin_upload
from busway.control.moves.kinds.unshelve import Where, unshelve_server
from busway.control.servers.change import ServerChange, update_server
from busway.control.servers.delete import delete_server
from busway.control.servers.image import create_backup
from busway.control.servers.read import list_actions
from busway.control.servers.shelve import offload_overdue, offload_server, shelve_server
from busway.domain.errors import BadInput, Conflict, Forbidden
from busway.domain.grant import Fault
from busway.domain.image import Image, ImageStatus
from busway.domain.import_rules import ImportRules
from busway.domain.quota import DEFAULTS
from busway.domain.server import ServerStatus, TaskState
from busway.store import images as store
from busway.store.devices import DeviceFilter
from tests.control.clouds import ADMIN, USER, Cloud, Host

KEEP = -1


def statuses(cloud: Cloud, host: str | None = None) -> list[str | None]:
    return [device.status for device in devices.list_devices(cloud.control, ADMIN, DeviceFilter(host=host))]


def shelved(cloud: Cloud, *, offload_time: int = 0) -> tuple[Host, str]:
    cloud.configure(shelved_offload_time=offload_time)
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    shelve_server(cloud.control, USER, server.id, "req-2")
    host.obey()
    host.obey()
    return host, server.id


def kept(cloud: Cloud) -> list[Image]:
    """The images of the project that end as those of shelved servers do."""
    return [each for each in images.list_images(cloud.control, USER) if str(each.name).endswith("-shelved")]


def test_a_server_that_is_being_shelved_is_shut_down_and_its_disk_asked_for(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    shelve_server(cloud.control, ADMIN, server.id, "req-2")
    assert cloud.status(server.id) == (ServerStatus.ACTIVE, TaskState.SHELVING)
    [wanted] = host.desired().servers
    assert wanted.powered is False and wanted.upload is not None
    host.report(off=[server.id])
    assert cloud.status(server.id) == (ServerStatus.ACTIVE, TaskState.SHELVING)


def test_an_offloaded_servers_device_is_free_only_when_its_host_says_so(cloud: Cloud) -> None:
    cloud.configure(shelved_offload_time=0)
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    shelve_server(cloud.control, ADMIN, server.id, "req-2")
    host.obey()
    assert cloud.status(server.id) == (ServerStatus.SHELVED_OFFLOADED, None)
    assert (host.desired().absent, statuses(cloud)) == ((server.id,), ["allocated"])
    assert cloud.server(server.id).host_name is None
    host.obey()
    assert (host.desired().absent, statuses(cloud)) == ((), ["available"])


def test_a_shelved_server_keeps_its_host_and_device_until_it_is_offloaded(cloud: Cloud) -> None:
    host, server_id = shelved(cloud, offload_time=KEEP)
    assert cloud.status(server_id) == (ServerStatus.SHELVED, None)
    assert statuses(cloud) == ["allocated"]
    with pytest.raises(Forbidden):
        offload_server(cloud.control, USER, server_id, "req-3")
    offload_server(cloud.control, ADMIN, server_id, "req-3")
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.SHELVED_OFFLOADED, None)
    assert statuses(cloud) == ["available"]


def test_a_shelved_server_is_offloaded_when_its_time_is_over_whatever_its_user_does(cloud: Cloud) -> None:
    _, server_id = shelved(cloud, offload_time=100)
    cloud.wait(99)
    update_server(cloud.control, USER, server_id, ServerChange(name="renamed"))
    offload_overdue(cloud.control)
    assert cloud.status(server_id)[0] is ServerStatus.SHELVED
    cloud.wait(1)
    offload_overdue(cloud.control)
    assert cloud.status(server_id)[0] is ServerStatus.SHELVED_OFFLOADED


def test_a_shelved_server_is_unshelved_where_it_is_with_its_disk_and_device(cloud: Cloud) -> None:
    host, server_id = shelved(cloud, offload_time=KEEP)
    unshelve_server(cloud.control, USER, server_id, "req-3")
    [wanted] = host.desired().servers
    assert (wanted.disks, wanted.powered, wanted.image.id) == ((1,), True, cloud.image)
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)


def test_an_offloaded_server_is_placed_anew_with_the_disk_that_was_kept(cloud: Cloud) -> None:
    host, server_id = shelved(cloud)
    other = cloud.host("h2")
    unshelve_server(cloud.control, ADMIN, server_id, "req-3", Where("h2"))
    assert statuses(cloud) == ["available", "claimed"]
    [wanted] = other.desired().servers
    assert (wanted.disks, wanted.image.id == cloud.image) == ((2,), False)
    other.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert statuses(cloud) == ["available", "allocated"]
    assert cloud.server(server_id).host_name == "h2"
    assert host.desired().servers == ()


def test_an_offloaded_server_for_which_there_is_no_device_stays_shelved_and_its_user_is_told_why(cloud: Cloud) -> None:
    host, server_id = shelved(cloud)
    other = cloud.boot("other")[0]
    with pytest.raises(BadInput, match="No valid host"):
        unshelve_server(cloud.control, USER, server_id, "req-3")
    assert cloud.status(server_id) == (ServerStatus.SHELVED_OFFLOADED, None)
    delete_server(cloud.control, ADMIN, other.id, "req-4")
    host.obey()
    unshelve_server(cloud.control, USER, server_id, "req-5")
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)


def test_a_host_that_can_not_unshelve_gives_the_device_back_and_the_server_stays_shelved(cloud: Cloud) -> None:
    host, server_id = shelved(cloud)
    unshelve_server(cloud.control, USER, server_id, "req-3")
    host.report(faults={cloud.server(server_id).id: Fault("StartDomain", "libvirt refused")})
    assert cloud.status(server_id) == (ServerStatus.SHELVED_OFFLOADED, None)
    host.obey()
    assert statuses(cloud) == ["available"]
    assert "libvirt refused" in str(list_actions(cloud.control, ADMIN, server_id)[0].message)
    unshelve_server(cloud.control, USER, server_id, "req-4")
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)


def test_a_disk_that_can_not_be_handed_in_leaves_the_server_shut_off(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    shelve_server(cloud.control, ADMIN, server.id, "req-2")
    host.report(faults={server.id: Fault("UploadDisk", "There is no room")})
    assert cloud.status(server.id) == (ServerStatus.SHUTOFF, None)
    assert host.desired().servers[0].upload is None
    assert statuses(cloud) == ["allocated"]


@pytest.mark.parametrize("offload_time", [0, KEEP])
def test_a_shelved_server_can_be_deleted_and_its_disk_is_forgotten(cloud: Cloud, offload_time: int) -> None:
    host, server_id = shelved(cloud, offload_time=offload_time)
    files = cloud.control.state / "images"
    purge_deleted_images(cloud.control)
    kept = [path for path in files.iterdir() if path.is_file()]
    assert len(kept) == 1
    delete_server(cloud.control, USER, server_id, "req-3")
    host.obey()
    assert cloud.server(server_id).status is ServerStatus.DELETED
    assert statuses(cloud) == ["available"]
    purge_deleted_images(cloud.control)
    assert [path for path in files.iterdir() if path.is_file()] == []


def test_other_acts_wait_until_it_is_unshelved(cloud: Cloud) -> None:
    _, server_id = shelved(cloud)
    with pytest.raises(Conflict, match="SHELVED_OFFLOADED"):
        shelve_server(cloud.control, USER, server_id, "req-3")


def test_an_offloaded_server_is_unshelved_in_a_zone_that_is_named(cloud: Cloud) -> None:
    _, server_id = shelved(cloud)
    cloud.host("h2")
    made = aggregates.create_aggregate(cloud.control, ADMIN, "racks", "east")
    aggregates.add_host(cloud.control, ADMIN, str(made.id), "h2")
    unshelve_server(cloud.control, USER, server_id, "req-3", Where(zone="east", pin=True))
    found = cloud.server(server_id)
    assert (found.host_name, found.pinned_zone) == ("h2", "east")


def test_a_null_zone_unpins_a_server(cloud: Cloud) -> None:
    _, server_id = shelved(cloud)
    made = aggregates.create_aggregate(cloud.control, ADMIN, "racks", "east")
    aggregates.add_host(cloud.control, ADMIN, str(made.id), "h1")
    unshelve_server(cloud.control, USER, server_id, "req-3", Where(pin=True))
    assert cloud.server(server_id).pinned_zone is None


def test_a_server_that_has_its_host_is_unshelved_in_no_other_zone(cloud: Cloud) -> None:
    _, server_id = shelved(cloud, offload_time=KEEP)
    with pytest.raises(Conflict, match="Only an offloaded server"):
        unshelve_server(cloud.control, USER, server_id, "req-3", Where(zone="east", pin=True))


@pytest.mark.parametrize("offload_time", [0, KEEP])
def test_the_disk_of_a_shelved_server_is_an_image_of_its_project_until_it_runs_again(
    cloud: Cloud, offload_time: int
) -> None:
    host, server_id = shelved(cloud, offload_time=offload_time)
    [image] = kept(cloud)
    assert (image.name, image.status, image.visibility) == ("s-shelved", ImageStatus.ACTIVE, "private")
    assert {image.properties[name] for name in ("image_type", "base_image_ref")} == {"snapshot", cloud.image}
    unshelve_server(cloud.control, USER, server_id, "req-3")
    assert kept(cloud) == [image]
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert kept(cloud) == []
    purge_deleted_images(cloud.control)
    with cloud.control.db.read() as tx:
        remains = store.find_image(tx, image.id)
    assert (remains is not None) is (offload_time == 0)  # the disk of one that was offloaded is made from it


@pytest.mark.parametrize("offload_time", [0, KEEP])
def test_the_image_of_a_shelved_server_goes_with_the_server(cloud: Cloud, offload_time: int) -> None:
    host, server_id = shelved(cloud, offload_time=offload_time)
    delete_server(cloud.control, USER, server_id, "req-3")
    host.obey()
    assert kept(cloud) == []


def test_nobody_takes_the_disk_of_a_shelved_server_away(cloud: Cloud) -> None:
    host, server_id = shelved(cloud)
    [image] = kept(cloud)
    with pytest.raises(Conflict, match=f"the disk of the shelved server {server_id}"):
        images.delete_image(cloud.control, ADMIN, image.id)
    other = cloud.boot("other", caller=USER)[0]
    properties = {**image.properties, "instance_uuid": other.id, "image_type": "backup", "backup_type": "daily"}
    images.change_image(cloud.control, USER, image.id, lambda old: replace(old, properties=properties))
    host.obey()
    create_backup(cloud.control, USER, other.id, "none", "daily", 0, {}, "req-4")
    assert [each.id for each in kept(cloud)] == [image.id]


def test_only_its_host_gives_the_disk_of_a_server_that_is_being_shelved(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    shelve_server(cloud.control, USER, server.id, "req-2")
    [image] = kept(cloud)
    for begin in (begin_upload, begin_stage):
        with pytest.raises(Conflict, match="the disk of the shelved server"):
            begin(cloud.control, USER, image.id, 4)
    method = {"method": {"name": "web-download", "uri": "https://example.org/disk"}}
    cloud.configure(imports=ImportRules(("example.org",)))
    with pytest.raises(Conflict, match="the disk of the shelved server"):
        import_image(cloud.control, USER, image.id, method, ("file",), "req-3")
    with pytest.raises(Conflict, match="the disk of the shelved server"):
        images.change_image(cloud.control, USER, image.id, lambda old: replace(old, disk_format="raw"))
    host.obey()
    assert kept(cloud)[0].status is ImageStatus.ACTIVE


def test_a_user_who_deactivates_the_disk_at_once_does_not_keep_the_server_from_being_shelved(cloud: Cloud) -> None:
    cloud.configure(shelved_offload_time=0)
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    shelve_server(cloud.control, USER, server.id, "req-2")
    host.report(off=[server.id])
    [image] = kept(cloud)
    host.hand_in(server.id, image.id, meanwhile=lambda: images.set_active(cloud.control, USER, image.id, active=False))
    assert cloud.status(server.id) == (ServerStatus.SHELVED_OFFLOADED, None)
    host.obey()
    unshelve_server(cloud.control, USER, server.id, "req-3")
    host.obey()
    assert (cloud.status(server.id), kept(cloud)) == ((ServerStatus.ACTIVE, None), [])


def test_the_disk_of_a_shelved_server_goes_with_it_and_so_nobody_protects_it(cloud: Cloud) -> None:
    shelved(cloud)
    [image] = kept(cloud)
    with pytest.raises(Conflict, match="the disk of the shelved server"):
        images.change_image(cloud.control, USER, image.id, lambda old: replace(old, protected=True))


def test_a_disk_that_is_not_handed_in_leaves_no_image(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    shelve_server(cloud.control, USER, server.id, "req-2")
    host.report(faults={server.id: Fault("UploadDisk", "There is no room")})
    assert kept(cloud) == []


def test_a_server_is_shelved_whatever_the_quotas_of_images_say_and_counts_there(cloud: Cloud) -> None:
    cloud.configure(quota={**DEFAULTS, "image_size_total": 0, "image_count_total": 0})
    shelved(cloud)
    assert quotas.get_quota(cloud.control, USER, USER.project_id).used["image_count_total"] == 1


def test_the_name_of_the_image_fits_whatever_the_servers_is(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    update_server(cloud.control, USER, server.id, ServerChange(name="n" * 255))
    shelve_server(cloud.control, USER, server.id, "req-2")
    assert [len(str(image.name)) for image in kept(cloud)] == [255]
