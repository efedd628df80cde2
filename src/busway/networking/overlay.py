"""The driver `overlay`: guests on logical switches of OVN, which carries their frames between hosts in Geneve.

The control plane writes what there is into OVN's northbound database; on a host, ovn-controller turns it into flows of the
integration bridge. A card is plugged in there under the id of its port, and nothing passes before its flows are there: DHCP,
names, anti-spoofing and security groups are OVN's. So the host needs to be a chassis, and Busway makes nothing on it.
"""

from __future__ import annotations

from busway.domain.errors import HostError
from busway.domain.guest_network import INTEGRATION_BRIDGE, HostNetwork
from busway.networking.programs import run, succeeds

DATABASE = "unix:/run/openvswitch/db.sock"


def vsctl(database: str) -> tuple[str, ...]:
    """The command line of ovs-vsctl up to its verb; it does not wait until the switch has what was changed."""
    return ("ovs-vsctl", "--no-wait", "--timeout=10", f"--db={database}")


class OverlayDriver:
    """`database` is where this host's Open vSwitch keeps its configuration."""

    dns = False  # OVN answers

    def __init__(self, database: str = DATABASE) -> None:
        self._vsctl = vsctl(database)

    def ensure(self, network: HostNetwork) -> str:
        """Answers the integration bridge of a host that is a chassis of OVN; makes nothing."""
        try:
            remote = run(*self._vsctl, "--if-exists", "get", "Open_vSwitch", ".", "external_ids:ovn-remote").strip()
        except HostError as error:
            raise _no_chassis(network, f"Open vSwitch does not answer. {error.detail or error.brief}") from error
        if not remote:
            raise _no_chassis(network, "external_ids:ovn-remote of Open vSwitch is not set.")
        if not succeeds(*self._vsctl, "br-exists", INTEGRATION_BRIDGE):
            raise _no_chassis(network, f"ovn-controller has not made the bridge {INTEGRATION_BRIDGE}.")
        return INTEGRATION_BRIDGE


def _no_chassis(network: HostNetwork, detail: str) -> HostError:
    return HostError(
        f"Network {network.name} needs OVN, and this host is no chassis of it",
        detail=detail,
        remedy="Install ovn-host and openvswitch-switch, and set ovn-remote, ovn-encap-type and ovn-encap-ip as "
        "docs/how-to/networks.md shows.",
        code="no-ovn",
    )
