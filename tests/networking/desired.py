from __future__ import annotations

from collections.abc import Iterable

from busway.domain.documents import ConfigDrive, Desired, DesiredServer, ImageRef, Nic
from busway.domain.guest_network import HostNetwork, NicGroup
from busway.domain.ids import ImageId, ServerId


def desired_of(
    nics: Iterable[Nic], groups: tuple[NicGroup, ...] = (), networks: tuple[HostNetwork, ...] = ()
) -> Desired:
    """A document with one server for each card."""
    image = ImageRef(ImageId("image"), "", 0, "raw")
    servers = (
        DesiredServer(ServerId(f"server-{number}"), "guest", 1, 1, 1, image, (), (nic,), ConfigDrive("{}", "{}"))
        for number, nic in enumerate(nics, 1)
    )
    return Desired("host", 1, tuple(servers), (), networks, groups)
