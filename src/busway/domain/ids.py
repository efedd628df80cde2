"""A typed id per noun; all are opaque strings made at the edge, never inside the domain."""

from __future__ import annotations

from typing import NewType

ServerId = NewType("ServerId", str)
HostId = NewType("HostId", str)
DeviceId = NewType("DeviceId", str)
DeviceSpecId = NewType("DeviceSpecId", str)
ClaimId = NewType("ClaimId", str)
FlavorId = NewType("FlavorId", str)
ImageId = NewType("ImageId", str)
ProjectId = NewType("ProjectId", str)
UserId = NewType("UserId", str)
RequestId = NewType("RequestId", str)
NetworkId = NewType("NetworkId", str)
PortId = NewType("PortId", str)
RouterId = NewType("RouterId", str)
TrunkId = NewType("TrunkId", str)
FloatingIpId = NewType("FloatingIpId", str)
UnitName = NewType("UnitName", str)
GroupId = NewType("GroupId", str)
SecurityGroupId = NewType("SecurityGroupId", str)
