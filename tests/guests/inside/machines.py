"""Guests whose machines differ: each tells on its console what it finds, and that must be what flavor and image asked for."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from busway.lab.cache import default_cache
from busway.lab.image import build_guest_image
from tests.live.inside.cloud import LiveCloud, until

_HOST = "h1"
_FACTS = Path(__file__).with_name("facts.sh")
_LAST = "all facts are told"
# A guest of UEFI emulated on one busy core takes half a minute; the deadline is for ten of them at once.
_BOOT_SECONDS = 400.0


def make_image(cloud: LiveCloud, **properties: str) -> str:
    """The lab's guest image, with all of Debian's drivers, under properties of its own."""
    path = build_guest_image(default_cache(), flavour="generic")
    wish = {"name": "guest", "disk_format": "qcow2", "container_format": "bare", **properties}
    image = str(cloud.call("POST", "/image/v2/images", wish)["id"])
    cloud.upload(image, path.read_bytes())
    return image


def make_flavor(cloud: LiveCloud, name: str, specs: Mapping[str, str] | None = None, **more: Any) -> str:
    """One processor: QEMU 7.2 sometimes loses an interrupt between two that it emulates, and the guest stands still."""
    wish = {"name": name, "id": name, "ram": 512, "vcpus": 1, "disk": 1, **more}
    cloud.call("POST", "/compute/v2.1/flavors", {"flavor": wish})
    if specs:
        cloud.call("POST", f"/compute/v2.1/flavors/{name}/os-extra_specs", {"extra_specs": dict(specs)})
    return name


def boot(cloud: LiveCloud, flavor: str, image: str, script: bytes | None = None, **more: Any) -> str:
    """Makes a server, and waits until it is active."""
    server_id = ask_for(cloud, flavor, image, script, **more)
    until("server that is active", lambda: _settled(cloud, server_id) == "ACTIVE")
    return server_id


def ask_for(cloud: LiveCloud, flavor: str, image: str, script: bytes | None = None, **more: Any) -> str:
    """Makes a server, named after its flavor."""
    data = base64.b64encode(script or _FACTS.read_bytes()).decode()
    server = {"name": flavor, "imageRef": image, "flavorRef": flavor, "networks": "none", "user_data": data, **more}
    return str(cloud.call("POST", "/compute/v2.1/servers", {"server": server})["server"]["id"])


def _settled(cloud: LiveCloud, server_id: str) -> str:
    found = cloud.server(server_id)
    assert found["status"] != "ERROR", found.get("fault")
    return str(found["status"])


def console(cloud: LiveCloud, server_id: str, host: str = _HOST) -> str:
    log = cloud.folder_of(host) / "state/servers" / server_id / "console.log"
    return log.read_text("utf-8", "replace").replace("\r", "") if log.exists() else ""


def facts(cloud: LiveCloud, server_id: str, after: str = "", host: str = _HOST) -> str:
    """What the guest has told at its last boot, which has told of `after`: the log begins anew when a guest is started."""

    def whole() -> bool:
        return after in (told := console(cloud, server_id, host)) and told.count(_LAST) == 1

    until("facts of the guest", whole, _BOOT_SECONDS)
    return console(cloud, server_id, host)


def expect(told: str, *patterns: str) -> None:
    missing = [pattern for pattern in patterns if not re.search(pattern, told, re.MULTILINE)]
    assert not missing, f"the guest does not tell {missing}; it tells:\n{told}"


def end(cloud: LiveCloud, server_id: str) -> None:
    cloud.delete(server_id)
    until("end of the server", lambda: cloud.status(server_id) == "gone")
    left = [path for path in (cloud.folder_of(_HOST) / "var/lib/libvirt").rglob("*") if server_id in str(path)]
    assert not left, f"of a server that is gone there is still {left}"


def trusted(cloud: LiveCloud) -> None:
    """UEFI with secure boot, a TPM 2.0, SCSI disks of the sizes that the flavor gives, a watchdog, entropy, two serial ports."""
    words = {"hw_firmware_type": "uefi", "hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}
    specs = {"os:secure_boot": "required", "hw:tpm_version": "2.0", "hw:watchdog_action": "reset"}
    specs |= {"hw:serial_port_count": "2"}
    make_flavor(cloud, "trusted", specs, swap=64, **{"OS-FLV-EXT-DATA:ephemeral": 2})
    server_id = boot(cloud, "trusted", make_image(cloud, **words, hw_qemu_guest_agent="yes"))
    expect(
        facts(cloud, server_id),
        "^kernel: efi: EFI v2",
        "^kernel: secureboot: Secure boot enabled",
        "^firmware: uefi$",
        "^tpm: 2 tpm_crb$",
        "^rng: virtio_rng.0 16$",
        "^watchdog: i6300ESB",
        "^disk: sd. 1024 MiB host virtio",
        "^disk: sd. 2048 MiB host virtio",
        "^disk: sd. 64 MiB host virtio",
        "^port: org.qemu.guest_agent.0$",
        "^serial: 2$",
    )
    end(cloud, server_id)


def keeps(cloud: LiveCloud) -> None:
    """The guest mounts its ephemeral disk by its label and uses its swap disk; a restart keeps what it has written."""
    make_flavor(cloud, "keeps", None, swap=64, **{"OS-FLV-EXT-DATA:ephemeral": 2})
    server_id = boot(cloud, "keeps", make_image(cloud))
    told = facts(cloud, server_id)
    expect(told, "^disk: vdb 2048 MiB virtio", "^swap: 655[0-9]{2} KiB$", "^ephemeral: (18|19|20)[0-9]{2} MiB$")
    assert "ephemeral: kept" not in told
    cloud.act(server_id, reboot={"type": "HARD"})
    expect(facts(cloud, server_id, "ephemeral: kept"), "^ephemeral: kept [0-9a-f-]{36}$", "^swap: 655[0-9]{2} KiB$")
    end(cloud, server_id)


def travels(cloud: LiveCloud) -> None:
    """A cold migration takes the ephemeral disk along, with what the guest has written, and so does the way back; swap is new."""
    cloud.add_host("h2")
    cloud.start_agent("h2")
    cloud.wait_for_host("h2")
    make_flavor(cloud, "travels", None, swap=64, **{"OS-FLV-EXT-DATA:ephemeral": 2})
    server_id = boot(cloud, "travels", make_image(cloud), availability_zone=f"nova:{_HOST}")
    assert "ephemeral: kept" not in facts(cloud, server_id)
    for host in ("h2", _HOST):
        until("move that may begin", lambda: _begins_to_move(cloud, server_id))
        until("server that has moved", lambda: _settled(cloud, server_id) == "VERIFY_RESIZE", _BOOT_SECONDS)
        told = facts(cloud, server_id, "ephemeral: kept", host)
        expect(told, "^disk: vdb 2048 MiB virtio", "^ephemeral: kept [0-9a-f-]{36}$", "^swap: 655[0-9]{2} KiB$")
        cloud.act(server_id, confirmResize=None)
        until("server that is confirmed", lambda: _settled(cloud, server_id) == "ACTIVE")
    end(cloud, server_id)


def _begins_to_move(cloud: LiveCloud, server_id: str) -> bool:
    """Asks for a migration; false while the host that the server has left has not let it go."""
    try:
        cloud.act(server_id, migrate=None)
    except AssertionError as error:
        if "still being removed from its previous host" not in str(error):
            raise
        return False
    return True


def untrusted(cloud: LiveCloud) -> None:
    """UEFI without secure boot, a TPM 1.2, SATA disks."""
    image = make_image(cloud, hw_firmware_type="uefi", hw_disk_bus="sata")
    make_flavor(cloud, "untrusted", {"hw:tpm_version": "1.2"}, swap=32)
    server_id = boot(cloud, "untrusted", image)
    told = facts(cloud, server_id)
    expect(
        told,
        "^firmware: uefi$",
        "^tpm: 1 tpm_tis$",
        "^disk: sd. 1024 MiB ata",
        "^disk: sd. 32 MiB ata",
        "^swap: 327[0-9]{2} KiB$",
    )
    assert "Secure boot enabled" not in told
    end(cloud, server_id)


def huge(cloud: LiveCloud) -> None:
    """The guest's memory lies in the host's huge pages, and they are free again when it is gone."""
    pages = Path("/proc/sys/vm/nr_hugepages")
    before = pages.read_text()
    pages.write_text("400")
    try:
        cloud.kill(f"agent {_HOST}")
        cloud.start_agent(_HOST, "", "--hugepages")
        make_flavor(cloud, "huge")
        free = _free_pages()
        server_id = boot(cloud, "huge", make_image(cloud))
        expect(facts(cloud, server_id), "^firmware: bios$", "^disk: vda 1024 MiB .*virtio")
        _expect_free(free - 256)
        end(cloud, server_id)
        _expect_free(free)
    finally:
        pages.write_text(before)


def _expect_free(pages: int) -> None:
    lines = [line for line in Path("/proc/meminfo").read_text().splitlines() if "Huge" in line]
    assert _free_pages() == pages, f"{pages} huge pages should be free: {lines}"


def _free_pages() -> int:
    [line] = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("HugePages_Free:")]
    return int(line.split()[1])


def bites(cloud: LiveCloud) -> None:
    """A guest that no longer feeds its watchdog is switched off, as its flavor says."""
    make_flavor(cloud, "bites", {"hw:watchdog_action": "poweroff"})
    script = b"#!/bin/sh\nmodprobe i6300esb\necho it is fed once > /dev/watchdog\n"
    server_id = boot(cloud, "bites", make_image(cloud), script)
    until("server that its watchdog has switched off", lambda: _settled(cloud, server_id) == "SHUTOFF", _BOOT_SECONDS)
    end(cloud, server_id)


STORIES = {"trusted": trusted, "keeps": keeps, "travels": travels, "untrusted": untrusted, "huge": huge, "bites": bites}
