"""A GPU of a Grace superchip has the VFIO driver that knows its memory."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card

# GH200, GB200, GB300: drivers/vfio/pci/nvgrace-gpu/main.c. Plain vfio-pci shows the device without its own memory.
_IDS = frozenset({"2342", "2345", "2348", "2941", "31c2"})
_DRIVER = "nvgrace-gpu-vfio-pci"
_SINCE = (6, 9)


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    if main.vendor_id != "10de" or main.product_id not in _IDS or main.driver == _DRIVER:
        return
    old = host.kernel is not None and host.kernel < _SINCE
    first = "Boot Linux 6.9 or later. " if old else ""
    yield CHECK.found(
        f"{card.name} needs {_DRIVER}, but has {main.driver or 'no driver'}",
        cause="The GPU's own memory is part of the machine's; plain vfio-pci does not give it to the guest.",
        remedy=f"{first}Run `modprobe nvgrace_gpu_vfio_pci` and bind the card to {_DRIVER} (driver_override).",
        evidence=(Evidence(sysfs(main.address, "driver"), str(main.driver)),),
        card=card,
        after=f"binding it to {_DRIVER}",
    )


CHECK = Check("grace-driver", Stage.ISOLATION, Severity.BLOCKS, "Grace GPUs have their own VFIO driver", card=_find)
