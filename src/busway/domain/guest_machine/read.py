"""Reads the words of a flavor and an image into a `Machine`, and refuses what can't be, with the reason.

Where flavor and image both say something, they must agree (Nova: FlavorImageConflict).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping

from busway.domain.boolean import parse_boolean
from busway.domain.dedicated_cpus import ThreadPolicy, parse_cpus
from busway.domain.errors import BadInput, BuswayError, Forbidden, InvalidConfig, InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.guest_cells import guest_cells
from busway.domain.guest_machine import words
from busway.domain.guest_machine.limits import PREFIX, read_limits, read_numbers
from busway.domain.guest_machine.machine import Machine
from busway.domain.guest_machine.words import ELSEWHERE, IGNORED, REFUSED, SERVED, Word
from busway.domain.resource_request import parse_resources
from busway.domain.text import shortened, whole_number
from busway.domain.units.render import RenderShare
from busway.domain.virgl import VIRGL_CLASS

_Q35 = re.compile(r"(pc-)?q35(-[0-9]{1,2}\.[0-9]{1,2})?", re.ASCII)
_MOST = 0x7FFFFFFF
_PCPU, _VCPU = (
    re.compile(r"resources([1-9][0-9]*)?:PCPU", re.ASCII),
    re.compile(r"resources([1-9][0-9]*)?:VCPU", re.ASCII),
)
_SIZE = re.compile(r"([1-9][0-9]{0,9})(kB|KB|MB|GB)?", re.ASCII)
_KB = {"kB": 1, "KB": 1, "MB": 1024, "GB": 1 << 20}
_LEAST_HUGE_KB = 2048
_OWN = (
    PREFIX,
    "hw:",
    "hw_",
    "os:secure_boot",
    "os_secure_boot",
    "hide_hypervisor_id",
    "img_hide_hypervisor_id",
    "busway:pci_topology",
    "busway:hotplug_ports",
    "busway:hotplug_window",
    "busway:live_unplug",
    "busway:hot_resize",
    "busway_hotplug_ports",
)
_BY_FLAVOR = {word.flavor: word for word in SERVED if word.flavor}
_BY_IMAGE = {word.image: word for word in SERVED if word.image}


def machine_of(flavor: Flavor, properties: Mapping[str, str]) -> Machine:
    """The machine that a flavor and an image ask for.

    Errors: `InvalidExtraSpec` (flavor) or `BadInput` (image) for a word or a value that is not served, `Forbidden` when
    flavor and image disagree.
    """
    check_machine_specs(flavor.extra_specs)
    for key, value in properties.items():
        _check(key, value, _BY_IMAGE, _image_error)
    asked = _Asked(flavor.extra_specs, properties)
    machine = Machine(
        machine_type=_machine_type(asked),
        firmware=asked.text(words.FIRMWARE, "bios"),
        secure_boot=asked.text(words.SECURE_BOOT, "disabled") == "required",
        boot_menu=asked.flag(words.BOOT_MENU),
        address_mode=asked.text(words.ADDRESS_MODE, ""),
        pages=_pages(asked),
        share_emulator=asked.text(words.EMULATOR, "") == "share",
        address_bits=asked.number(words.ADDRESS_BITS, 0, 32, 52),
        topology=_topology(asked, flavor),
        hide_hypervisor=asked.flag(words.HIDE) or asked.flag(words.HIDE_OLD),
        pmu=asked.flag(words.PMU) if asked.has(words.PMU) else None,
        hpet=asked.flag(words.HPET),
        locked_memory=asked.flag(words.LOCKED),
        viommu={"auto": "intel"}.get(asked.text(words.VIOMMU, ""), asked.text(words.VIOMMU, "")),
        watchdog={"disabled": ""}.get(asked.text(words.WATCHDOG, ""), asked.text(words.WATCHDOG, "")),
        rng=asked.flag(words.RNG_ALLOWED) if asked.has(words.RNG_ALLOWED) else True,
        rng_bytes=asked.number(words.RNG_BYTES, 0, 1, _MOST),
        rng_period=asked.number(words.RNG_PERIOD, 0, 1, _MOST),
        disk_bus=asked.text(words.DISK_BUS, "virtio"),
        nic_model=asked.text(words.NIC_MODEL, "virtio"),
        multiqueue=asked.flag(words.MULTIQUEUE) and flavor.vcpus > 1,
        tpm=asked.text(words.TPM, ""),
        tpm_model=asked.text(words.TPM_MODEL, ""),
        guest_agent=_is_yes(asked.text(words.AGENT, "no")),
        quiesce=_is_yes(asked.text(words.QUIESCE, "no")),
        video=asked.text(words.VIDEO, ""),
        video_ram_mb=_video_ram(asked),
        serial_ports=asked.number(words.SERIAL, 1, 1, words.MOST_SERIAL_PORTS),
        mirror=asked.text(words.MIRROR, "flat") == "mirror",
        ephemeral_gb=flavor.ephemeral_gb,
        swap_mb=flavor.swap_mb,
        hotplug_ports=asked.number(words.HOTPLUG, 0, 0, words.MOST_HOTPLUG_PORTS) if asked.has(words.HOTPLUG) else None,
        hotplug_window_mb=_window(asked),
        limits=read_limits(flavor.extra_specs, _flavor_error),
    )
    if cpu_threads(flavor, properties) is None and (word := _of_dedicated(asked)) is not None:
        raise asked.error(word, "it needs hw:cpu_policy=dedicated or mixed")
    shared_vcpus(flavor, properties)
    if machine.mirror and not guest_cells(flavor, properties)[0]:
        raise asked.error(words.MIRROR, "a guest without NUMA cells has none to mirror: set hw:numa_nodes")
    if machine.quiesce and not machine.guest_agent:
        raise asked.error(words.QUIESCE, "only an agent in the guest freezes its file systems: set hw_qemu_guest_agent")
    _check_whole(machine, flavor)
    return machine


def cpu_threads(flavor: Flavor, properties: Mapping[str, str]) -> ThreadPolicy | None:
    """How the CPUs that a guest has for itself lie on its host's cores; None for a guest that shares its CPUs."""
    asked = _Asked(flavor.extra_specs, properties)
    if not _asks_pcpus(asked, flavor) and asked.text(words.CPU_POLICY, "shared") == "shared":
        return None
    return ThreadPolicy(asked.text(words.CPU_THREADS, ThreadPolicy.PREFER))


def shared_vcpus(flavor: Flavor, properties: Mapping[str, str]) -> frozenset[int]:
    """The vCPUs of a guest with the policy `mixed` that share CPUs, counted from 0; none for any other guest."""
    asked = _Asked(flavor.extra_specs, properties)
    mask, everything = asked.text(words.DEDICATED_MASK, ""), frozenset(range(flavor.vcpus))
    if asked.text(words.CPU_POLICY, "shared") != "mixed":
        if mask:
            raise asked.error(words.DEDICATED_MASK, "it needs hw:cpu_policy=mixed")
        return frozenset()
    if not mask:
        raise asked.error(words.CPU_POLICY, f"it needs {words.DEDICATED_MASK.flavor}, which says what is dedicated")
    try:
        own = parse_cpus(f"0-{flavor.vcpus - 1},{mask}" if mask.startswith("^") else mask)
    except InvalidConfig as error:
        raise asked.error(words.DEDICATED_MASK, str(error.brief)) from error
    if not own < everything:
        raise asked.error(
            words.DEDICATED_MASK, f"it must leave some of the flavor's {flavor.vcpus} vCPUs, and name no other"
        )
    return everything - own


def isolates_emulator(flavor: Flavor, properties: Mapping[str, str]) -> bool:
    """Whether QEMU's own threads have a CPU for themselves."""
    return _Asked(flavor.extra_specs, properties).text(words.EMULATOR, "") == "isolate"


def _asks_pcpus(asked: _Asked, flavor: Flavor) -> bool:
    """Whether a flavor asks for dedicated CPUs by their resource class: for all of its vCPUs then, and in no other way."""
    found = {key: whole_number(value) for key, value in flavor.extra_specs.items() if _PCPU.fullmatch(key)}
    count = sum(found.values())
    if count <= 0:
        return False
    key = next(key for key, value in found.items() if value)
    wanted = flavor.vcpus + (asked.text(words.EMULATOR, "") == "isolate")
    if asked.has(words.CPU_POLICY):
        raise _flavor_error(key, flavor.extra_specs[key], "hw:cpu_policy says it already; use one of the two")
    if any(_VCPU.fullmatch(each) and whole_number(value) > 0 for each, value in flavor.extra_specs.items()):
        raise _flavor_error(key, flavor.extra_specs[key], "resources:VCPU and resources:PCPU exclude each other")
    if count != wanted:
        raise _flavor_error(key, flavor.extra_specs[key], f"it must be {wanted}, as many CPUs as such a server has")
    return True


def may_unplug(specs: Mapping[str, str]) -> bool:
    """Whether a flavor's devices may be taken out of a guest that runs, for a live migration; no without the word."""
    return parse_boolean(specs.get(words.LIVE_UNPLUG.flavor, "false")) is True


def may_resize_hot(specs: Mapping[str, str]) -> bool:
    """Whether a server that runs may be resized to a flavor by plugging devices in; no without the word."""
    return parse_boolean(specs.get(words.HOT_RESIZE.flavor, "false")) is True


def _is_yes(text: str) -> bool:
    return text.lower() in ("yes", "true", "1", "on")


def check_machine_specs(specs: Mapping[str, str]) -> None:
    """Raises `InvalidExtraSpec` for a word about the machine that is unknown or refused, or whose value is."""
    for key, value in specs.items():
        _check(key, value, _BY_FLAVOR, _flavor_error)
    read_numbers(specs, _flavor_error)


def check_limits(specs: Mapping[str, str]) -> None:
    """Raises `InvalidExtraSpec` for limits of a flavor that can't be together; `specs` are all of its extra specs."""
    read_limits(specs, _flavor_error)


_Error = Callable[[str, str, str], BuswayError]


class _Asked:
    """What flavor and image say together, each word checked before."""

    def __init__(self, specs: Mapping[str, str], properties: Mapping[str, str]) -> None:
        self._specs = specs
        self._properties = properties

    def has(self, word: Word) -> bool:
        return bool(self.text(word, ""))

    def text(self, word: Word, default: str) -> str:
        of_flavor, of_image = self._specs.get(word.flavor, ""), self._properties.get(word.image, "")
        if of_flavor and of_image and of_flavor != of_image:
            raise Forbidden(
                f"The image asks for {word.image}={of_image} and the flavor for {word.flavor}={of_flavor}",
                remedy="Choose an image without the property, or a flavor that agrees with it.",
                code="machine-conflict",
            )
        return of_flavor or of_image or default

    def flag(self, word: Word) -> bool:
        return parse_boolean(self.text(word, "false")) is True

    def number(self, word: Word, default: int, least: int, most: int) -> int:
        text = self.text(word, "")
        if not text:
            return default
        value = whole_number(text)
        if not least <= value <= most:
            raise self.error(word, f"it may be {least} to {most}")
        return value

    def error(self, word: Word, why: str) -> BuswayError:
        """The error about the value that was given, by who gave it."""
        if word.flavor in self._specs:
            return _flavor_error(word.flavor, self._specs[word.flavor], why)
        return _image_error(word.image, self._properties.get(word.image, ""), why)


def _check(key: str, value: str, known: Mapping[str, Word], error: _Error) -> None:
    if not key.startswith((*_OWN, "hw_rng:", "hw_video:")) or key.startswith(ELSEWHERE) or key in IGNORED:
        return
    if key in REFUSED:
        raise error(key, value, REFUSED[key])
    word = known.get(key)
    if word is None:
        near = difflib.get_close_matches(key, known, n=1)
        raise error(key, value, "there is no such word" + (f"; did you mean {near[0]}?" if near else ""))
    if key.startswith(PREFIX):
        return  # `read_limits` looks at the numbers, which have more digits
    if isinstance(word.values, tuple) and value not in word.values:
        raise error(key, value, f"it may be {word.may_be}")
    if word.values == words.BOOT_MENU.values and parse_boolean(value) is None:
        raise error(key, value, f"it may be {word.may_be}")
    if word.may_be.startswith(("a number", "0 to", "1 to", "32 to")) and whole_number(value) < 0:
        raise error(key, value, f"it may be {word.may_be}")


def _of_dedicated(asked: _Asked) -> Word | None:
    """A word that was said about dedicated CPUs."""
    return next((word for word in (words.CPU_THREADS, words.EMULATOR) if asked.has(word)), None)


def _machine_type(asked: _Asked) -> str:
    value = asked.text(words.MACHINE_TYPE, "")
    if value and not _Q35.fullmatch(value):
        raise asked.error(words.MACHINE_TYPE, f"it may be {words.MACHINE_TYPE.may_be}: devices need PCI Express")
    return "" if value == "q35" else value


def _topology(asked: _Asked, flavor: Flavor) -> tuple[int, int, int] | None:
    parts = (words.SOCKETS, words.CORES, words.THREADS)
    given = [word for word in parts if asked.has(word)]
    if not given:
        return None
    sockets, cores, threads = (asked.number(word, 0, 1, flavor.vcpus) for word in parts)
    threads = threads or 1
    cores = cores or max(1, flavor.vcpus // (threads * (sockets or flavor.vcpus // threads or 1)))
    sockets = sockets or max(1, flavor.vcpus // (threads * cores))
    if sockets * cores * threads != flavor.vcpus:
        raise asked.error(given[0], f"{sockets} * {cores} * {threads} CPUs are not the flavor's {flavor.vcpus}")
    return sockets, cores, threads


def _video_ram(asked: _Asked) -> int:
    most = asked.number(words.VIDEO_MOST, 0, 0, _MOST)
    wanted = asked.number(words.VIDEO_RAM, 0, 0, _MOST)
    if wanted > most:
        raise asked.error(words.VIDEO_RAM, f"the flavor permits {most} MB ({words.VIDEO_MOST.flavor})")
    return wanted


def _pages(asked: _Asked) -> str:
    """The pages that a guest's memory must lie in, as `Machine.pages` has them."""
    text = asked.text(words.PAGE_SIZE, "any")
    if text in ("small", "any", "large"):
        return text if text == "large" else ""
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) * _KB[found[2] or "kB"] < _LEAST_HUGE_KB:
        raise asked.error(words.PAGE_SIZE, f"it may be {words.PAGE_SIZE.may_be}; huge pages have 2 MB or more")
    return str(int(found[1]) * _KB[found[2] or "kB"])


def _window(asked: _Asked) -> int:
    size = asked.number(words.HOTPLUG_WINDOW, 0, 0, 1 << 20)
    if size & (size - 1):
        raise asked.error(words.HOTPLUG_WINDOW, "it must be a power of 2")
    return size


def _check_whole(machine: Machine, flavor: Flavor) -> None:
    """What each word permits alone, and both together can't be."""
    reason = next(
        (
            reason
            for holds, reason in (
                (machine.secure_boot and machine.firmware != "uefi", "secure boot needs hw_firmware_type=uefi"),
                (
                    machine.address_mode == "emulate" and not machine.address_bits,
                    "maxphysaddr_mode=emulate needs the bits",
                ),
                (machine.address_bits and machine.address_mode != "emulate", "maxphysaddr_bits needs the mode emulate"),
                (machine.mirror and machine.hotplug_ports, "a guest that mirrors its host has no hotplug_ports"),
                (machine.tpm_model and not machine.tpm, "tpm_model needs tpm_version"),
                (machine.tpm_model == "tpm-crb" and machine.tpm == "1.2", "tpm-crb needs tpm_version=2.0"),
                (machine.rng_period and not machine.rng_bytes, "hw_rng:rate_period needs hw_rng:rate_bytes"),
                (
                    machine.video_ram_mb and machine.video not in ("vga", "cirrus", "qxl"),
                    "hw_video_ram needs hw_video_model vga, cirrus or qxl",
                ),
                (
                    machine.video not in ("", "virtio") and _asks_share(flavor),
                    f"{VIRGL_CLASS} needs hw_video_model virtio, not {machine.video}",
                ),
            )
            if holds
        ),
        None,
    )
    if reason is not None:
        raise BadInput(
            f"The machine that flavor {flavor.name} and the image ask for is impossible: {reason}",
            remedy="Change one of the two; docs/reference/machine.md lists all of them.",
            code="machine-impossible",
        )


def _asks_share(flavor: Flavor) -> bool:
    return any(each.kind == RenderShare.kind for each in parse_resources(flavor.extra_specs).groups)


def _flavor_error(key: str, value: str, why: str) -> InvalidExtraSpec:
    return InvalidExtraSpec(
        f"{key}={shortened(value)} is not supported: {why}",
        remedy=f"Unset it, or use a supported value: openstack flavor unset --property {key} FLAVOR",
    )


def _image_error(key: str, value: str, why: str) -> BuswayError:
    return BadInput(
        f"The image's {key}={shortened(value)} is not supported: {why}",
        remedy=f"Choose another image, or unset it: openstack image unset --property {key} IMAGE",
        code="image-property",
    )
