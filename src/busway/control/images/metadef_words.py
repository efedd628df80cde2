"""The built-in namespaces of metadata definitions: the properties that Busway knows, for forms of clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from busway.control.drivers.recipe import WORD as DRIVER
from busway.domain.guest_machine.words import SERVED, Word
from busway.domain.metadef import NO_PARTS, Namespace, PartKind
from busway.domain.numa_policy import NUMA_POLICY_EXTRA_SPEC, NUMA_POLICY_PROPERTY, NumaPolicy

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_POLICIES = [policy.value for policy in NumaPolicy]
_BOOLEAN = "true or false"
_IMAGE, _FLAVOR = "OS::Glance::Image", "OS::Nova::Flavor"


@cache
def built_in_namespaces() -> Mapping[str, Namespace]:
    """Returns the built-in namespaces by name: GPUs of flavors and images, and the guest machine of both."""
    made = (
        _namespace("OS::Compute::GPU", "GPUs", "GPUs and other devices that a flavor's servers get", _FLAVOR, _gpus()),
        _namespace("OS::Compute::GPUImage", "GPUs", "How an image wants its devices", _IMAGE, _gpu_images()),
        _namespace("OS::Compute::Machine", "Machine", "The guest's machine", _FLAVOR, _words("flavor")),
        _namespace("OS::Compute::MachineImage", "Machine", "The guest's machine", _IMAGE, _words("image")),
    )
    return {namespace.name: namespace for namespace in made}


def _namespace(name: str, title: str, about: str, of: str, properties: Mapping[str, Any]) -> Namespace:
    time = _SINCE.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Namespace(
        name=name,
        owner="",
        created=_SINCE,
        updated=_SINCE,
        display_name=title,
        description=about,
        visibility="public",
        protected=True,
        parts={
            **NO_PARTS,
            PartKind.RESOURCE_TYPES: {of: {"created_at": time, "updated_at": time}},
            PartKind.PROPERTIES: properties,
        },
        is_built_in=True,
    )


def _text(title: str, about: str, values: Iterable[str] = ()) -> dict[str, Any]:
    words = list(values)
    return {"title": title, "description": about, "type": "string", **({"enum": words} if words else {})}


def _gpus() -> dict[str, Any]:
    return {
        "pci_passthrough:alias": _text("Devices", "Whole devices by alias and count: a100:2, or several with commas"),
        "resources:VGPU": {"title": "vGPUs", "description": "How many vGPUs", "type": "integer", "minimum": 0},
        DRIVER: _text("Driver", "The driver that the guest installs, as nvidia-open-570 or rocm-6"),
        NUMA_POLICY_EXTRA_SPEC: _text("NUMA affinity", "How near devices are to the guest's CPUs", _POLICIES),
    }


def _gpu_images() -> dict[str, Any]:
    return {
        DRIVER: _text("Driver", "The driver that the guest installs, as nvidia-open-570 or rocm-6"),
        NUMA_POLICY_PROPERTY: _text("NUMA affinity", "How near devices are to the guest's CPUs", _POLICIES),
    }


def _words(of: str) -> dict[str, Any]:
    return {name: _word(name, word) for word in SERVED if (name := getattr(word, of))}


def _word(name: str, word: Word) -> dict[str, Any]:
    about = word.meaning.replace("`", "")
    if word.values == _BOOLEAN:
        return _text(name, about, ("true", "false"))
    if isinstance(word.values, tuple):
        return _text(name, about, word.values)
    return _text(name, f"{about} ({word.values})")
