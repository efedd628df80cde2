"""The definition of a guest that arrives from another host: the guest's side as it runs there, the host's side as it must be here.

What the guest sees (machine, CPU, addresses of its devices) is the source's. Every path, bridge and socket is this host's own. The
source is another machine, which may have been taken over: what could reach beyond the guest is refused by name, and nothing unknown
is let through.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from copy import deepcopy

from busway.domain.errors import HostError
from busway.hypervisor.xml.windows import NAMESPACE as QEMU

_OVERRIDE = f"{{{QEMU}}}override"
_WINDOW_TAGS = {f"{{{QEMU}}}{name}" for name in ("device", "frontend", "property")}
_ENTROPY = "/dev/urandom"
_MEMORY_DIGITS = 15
_PLAIN = frozenset(
    {
        "controller",
        "input",
        "video",
        "audio",
        "memballoon",
        "rng",
        "watchdog",
        "iommu",
        "hub",
        "panic",
    }
)
_TOP = frozenset(
    {
        "name",
        "uuid",
        "title",
        "description",
        "metadata",
        "memory",
        "currentMemory",
        "memoryBacking",
        "vcpu",
        "cputune",
        "os",
        "features",
        "cpu",
        "clock",
        "on_poweroff",
        "on_reboot",
        "on_crash",
        "pm",
        "devices",
        "resource",
        "iothreads",
        "seclabel",
    }
)


def arriving_xml(source_xml: str, own_xml: str) -> str:
    """The source's definition with this host's files and bridges, which are those of `own_xml`, what it would write itself.

    Raises `HostError` for a definition of another guest, or with something in it that a guest without devices does not have.
    """
    if "<!" in source_xml:
        raise _refused("It has a document type, or something else that libvirt does not write.")
    try:
        guest, own = ET.fromstring(source_xml), ET.fromstring(own_xml)  # noqa: S314 - it declares no entities
    except ET.ParseError as error:
        raise _refused(f"It is not XML: {error}") from error
    if guest.findtext("uuid") != own.findtext("uuid") or guest.findtext("name") != own.findtext("name"):
        raise _refused("It is another guest's.")
    for element in list(guest):
        if element.tag == _OVERRIDE:
            _check_windows(element)
        elif element.tag not in _TOP:
            raise _refused(f"It has <{element.tag}>.")
        if element.tag in ("resource", "seclabel", "cputune"):
            guest.remove(element)
    _take_over_size(guest, own)
    _take_over_files(guest, own)
    guest.extend(
        own.findall("cputune")
    )  # a guest's limits are those of its flavor, whatever the source has made of them
    devices, here = _part(guest, "devices"), _part(own, "devices")
    for device in list(devices):
        _ADAPTERS.get(device.tag, _plain)(devices, device, here)
    if len(devices.findall("disk")) != len(here.findall("disk")):
        raise _refused("It has another number of disks.")
    if len(devices.findall("interface")) != len(here.findall("interface")):
        raise _refused("It has another number of network cards.")
    _check_paths(guest, own)
    return ET.tostring(guest, encoding="unicode")


def _check_windows(override: ET.Element) -> None:
    """Of QEMU's own settings only those that the guest's root ports were made with: they are a part of the guest."""
    for device in override:
        port = device.get("alias", "")
        for setting in device.iter(f"{{{QEMU}}}property"):
            number = setting.get("value", "")
            known = setting.get("name") in ("pref64-reserve", "mem-reserve") and setting.get("type") == "unsigned"
            if not (known and number.isascii() and number.isdigit() and len(number) <= _MEMORY_DIGITS + 3):
                raise _refused(f"It has a setting {setting.get('name')} for QEMU.")
        others = [each.tag for each in device.iter() if each.tag not in _WINDOW_TAGS]
        if others or not re.fullmatch(r"pci\.[0-9]{1,3}", port, re.ASCII):
            raise _refused(f"It has a setting for QEMU of {port or 'a device'}.")


def disks_to_copy(theirs: str) -> tuple[str, ...]:
    """The guest's names of the disks that it can write to."""
    disks = _part(ET.fromstring(theirs), "devices").findall("disk")  # noqa: S314 - written by libvirt
    found = (disk.find("target") for disk in disks if disk.find("readonly") is None)
    return tuple(target.get("dev", "") for target in found if target is not None)


def _take_over_size(guest: ET.Element, own: ET.Element) -> None:
    if guest.findtext("vcpu") != own.findtext("vcpu"):
        raise _refused(f"It has {guest.findtext('vcpu')} vCPUs, the server has {own.findtext('vcpu')}.")
    memory = guest.find("memory")
    if memory is None or _kib(memory) != _kib(_part(own, "memory")):
        raise _refused("It has another amount of memory than the server.")
    backing, own_backing = guest.find("memoryBacking"), own.find("memoryBacking")
    if backing is not None:
        guest.remove(backing)
    if own_backing is not None:
        guest.append(own_backing)


def _kib(memory: ET.Element) -> int:
    factor = {"KiB": 1, "MiB": 1024, "GiB": 1024 * 1024}.get(memory.get("unit", "KiB"), 0)
    text = (memory.text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MEMORY_DIGITS):
        raise _refused("Its amount of memory is no number.")
    return int(text) * factor


def _check_paths(guest: ET.Element, own: ET.Element) -> None:
    """Whatever an element means, it names no file or device that this host would not name itself."""
    ours = {*_paths(own), _ENTROPY}
    if others := [path for path in _paths(guest) if path not in ours]:
        raise _refused(f"It names {others[0]}.")


def _paths(element: ET.Element) -> Iterator[str]:
    for each in element.iter():
        for value in (*each.attrib.values(), each.text or ""):
            if value.strip().startswith("/"):
                yield value.strip()


def _take_over_files(guest: ET.Element, own: ET.Element) -> None:
    """Firmware is this host's: libvirt chooses it again from the same words."""
    system, own_os = _part(guest, "os"), _part(own, "os")
    for name in ("loader", "nvram", "kernel", "initrd", "cmdline", "dtb", "init"):
        found = system.find(name)
        if found is not None and own_os.get("firmware") != "efi":
            raise _refused(f"It has <{name}>, and the server has no firmware of its own.")
        if found is not None and name not in ("loader", "nvram"):
            raise _refused(f"It has <{name}>.")
        if found is not None:
            system.remove(found)
    if own_os.get("firmware") == "efi":
        system.set("firmware", "efi")
        nvram = own_os.find("nvram")
        if nvram is not None:
            system.append(nvram)


def _plain(_devices: ET.Element, device: ET.Element, _here: ET.Element) -> None:
    if device.tag not in _PLAIN:
        raise _refused(f"It has a <{device.tag}>.")
    for backend in device.iter("backend"):
        if (backend.get("model"), backend.text) != ("random", _ENTROPY):
            raise _refused(f"Its <{device.tag}> reads from {backend.text}.")
    if device.tag == "input" and device.get("type") not in ("mouse", "keyboard", "tablet"):
        raise _refused("It has an input device of its host.")
    if device.tag == "audio" and device.get("type") != "none":
        raise _refused("It has sound of its host.")


def _disk(_devices: ET.Element, disk: ET.Element, here: ET.Element) -> None:
    name = _named(disk)
    twin = next((each for each in here.findall("disk") if _named(each) == name), None)
    if twin is None or disk.get("type") != "file" or disk.get("device") != twin.get("device"):
        raise _refused(f"It has a disk {name} that the server does not have.")
    if (disk.find("readonly") is None) != (twin.find("readonly") is None):
        raise _refused(f"Its disk {name} can be written to, or can't, unlike the server's.")
    for old in (
        *disk.findall("source"),
        *disk.findall("backingStore"),
        *disk.findall("mirror"),
        *disk.findall("driver"),
        *disk.findall("iotune"),
    ):
        disk.remove(old)
    for name_ in ("driver", "source"):
        disk.append(_part(twin, name_))
    disk.extend(twin.findall("iotune"))


def _named(disk: ET.Element) -> str:
    target = disk.find("target")
    return target.get("dev", "") if target is not None else ""


def _interface(_devices: ET.Element, card: ET.Element, here: ET.Element) -> None:
    mac = _part(card, "mac").get("address", "").lower()
    twin = next((one for one in here.findall("interface") if _part(one, "mac").get("address", "").lower() == mac), None)
    if twin is None or card.get("type") != "bridge":
        raise _refused(f"It has a network card {mac} that the server does not have.")
    own = twin.find("virtualport")  # by which OVN knows the port
    if own is None and card.find("virtualport") is not None:
        raise _refused(f"Its network card {mac} has a <virtualport>.")
    for name in ("source", "target", "virtualport", "bandwidth"):
        for old in card.findall(name):
            card.remove(old)
    card.extend(
        [_part(twin, "source"), _part(twin, "target"), *([] if own is None else [own]), *twin.findall("bandwidth")]
    )
    for name in ("script", "filterref", "backend"):
        if card.find(name) is not None:
            raise _refused(f"Its network card {mac} has a <{name}>.")


def _serial(_devices: ET.Element, port: ET.Element, here: ET.Element) -> None:
    """Of the ports with a file, the server's; of a pty this host chooses the path."""
    number = _part(port, "target").get("port")
    twin = next((each for each in here.findall("serial") if _part(each, "target").get("port") == number), None)
    if twin is None or port.get("type") != twin.get("type"):
        raise _refused(f"It has a serial port {number} that the server does not have.")
    for old in (*port.findall("source"), *port.findall("log")):
        port.remove(old)
    for name in ("source", "log"):
        element = twin.find(name)
        if element is not None:
            port.append(element)
    port.attrib.pop("tty", None)


def _console(devices: ET.Element, console: ET.Element, _here: ET.Element) -> None:
    """The first serial port under another name, which libvirt writes itself."""
    devices.remove(console)


def _channel(_devices: ET.Element, channel: ET.Element, here: ET.Element) -> None:
    kind = channel.get("type")
    if kind not in ("unix", "spicevmc") or here.find(f"channel[@type='{kind}']") is None:
        raise _refused("It has a channel that the server does not have.")
    for source in channel.findall("source"):
        channel.remove(source)


def _graphics(devices: ET.Element, screen: ET.Element, here: ET.Element) -> None:
    if screen.get("type") == "spice":
        _spice(devices, screen, here)
        return
    listens = screen.findall("listen")
    if screen.get("type") != "vnc" or any(each.get("type") != "socket" for each in listens) or not listens:
        raise _refused("Its screen listens on a network.")
    screen.attrib.clear()  # its ports, that of a WebSocket among them, and its password
    screen.set("type", "vnc")
    for each in listens:
        each.attrib.clear()
        each.set("type", "socket")


def _spice(devices: ET.Element, screen: ET.Element, here: ET.Element) -> None:
    """Where it listens, and whether only by TLS, is this host's own choice."""
    own = here.find("graphics[@type='spice']")
    if own is None:
        raise _refused("It has a SPICE screen, and guests of this host have none (--spice-listen).")
    devices.insert(list(devices).index(screen), deepcopy(own))
    devices.remove(screen)


def _emulator(devices: ET.Element, emulator: ET.Element, _here: ET.Element) -> None:
    """Which program is QEMU, this host knows."""
    devices.remove(emulator)


_ADAPTERS = {
    "disk": _disk,
    "interface": _interface,
    "serial": _serial,
    "console": _console,
    "channel": _channel,
    "graphics": _graphics,
    "emulator": _emulator,
}


def _part(element: ET.Element, name: str) -> ET.Element:
    found = element.find(name)
    if found is None:
        raise _refused(f"Its <{element.tag}> has no <{name}>.")
    return found


def _refused(detail: str) -> HostError:
    return HostError(
        "The definition that the other host sent is not that of the server",
        detail=detail,
        remedy="Migrate it cold: openstack server migrate ID. If its agent is of the same release, look at that host: it may not be what it was.",
        code="live-definition",
    )
