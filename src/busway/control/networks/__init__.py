"""Networks, ports and security groups: their use cases, and their part of the hosts' documents.

`network` and `subnet` make what addresses come from, `port` gives them, `security_group` says what passes, `document`
writes all of it for one host, `overlay` what OVN must know, and `changes` lets hosts hear of what was changed while their guests run.
"""

from busway.control.networks.network import bootstrap_network, get_network, list_networks
from busway.control.networks.port import get_port, list_ports, ports_of_server

__all__ = ["bootstrap_network", "get_network", "get_port", "list_networks", "list_ports", "ports_of_server"]
