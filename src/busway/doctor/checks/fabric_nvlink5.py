"""On a machine with NVLink 5 the fabric is up: ib_umad, mlx5_ib, NVLSM, Fabric Manager."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.fabric import SOCKET, has_nvlink5, mode
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    if not has_nvlink5(host, card):
        return
    missing = [name for name in ("mlx5_ib", "ib_umad") if not host.is_loaded(name)]
    running, (file, number) = host.exists(SOCKET), mode(host)
    if not missing and running and number != 0:
        return
    acts = [f"load {' and '.join(missing)}"] if missing else []
    acts += [] if running else ["start NVLSM and then Fabric Manager (nvidia-fabricmanager starts both)"]
    acts += [f"set FABRIC_MODE=1 in {file} (2 for vGPU)"] if number in (0, None) else []
    yield CHECK.found(
        f"The NVLink fabric of {card.name} is not up",
        cause="Its switches are no PCI functions: they are reached through ib_umad and mlx5_ib. Without the fabric every "
        "guest gets CUDA error 802, system not yet initialized.",
        remedy=f"In this order: {', '.join(acts)}. Fabric Manager must have the driver's exact version.",
        evidence=(
            *(Evidence(f"/sys/module/{name}", "absent") for name in missing),
            Evidence(SOCKET, "present" if running else "absent"),
            Evidence(sysfs(card.main.address, "device"), card.main.product_id),
        ),
        card=card,
        after="starting the NVLink fabric (ib_umad, mlx5_ib, NVLSM, Fabric Manager)",
    )


CHECK = Check("fabric-nvlink5", Stage.ISOLATION, Severity.BLOCKS, "The NVLink-5 fabric is up", card=_find)
