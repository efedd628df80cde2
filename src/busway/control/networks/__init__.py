"""Networks, subnets, ports and security groups: their use cases, and their part of the hosts' documents.

- `network` and `subnet`: ranges of addresses. `port`: allocates addresses and MACs. `security_group`: which packets
  may pass.
- `document`: all of it as the document of one host. `overlay`: all of it as rows of OVN.
- `changes`: notifies hosts of what has changed while their guests run.
"""

from busway.control.networks.network import bootstrap_network, get_network, list_networks
from busway.control.networks.port import get_port, list_ports, ports_of_server

__all__ = ["bootstrap_network", "get_network", "get_port", "list_networks", "list_ports", "ports_of_server"]
