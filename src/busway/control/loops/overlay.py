"""Keeps OVN's northbound database equal to the networks of type geneve, and repairs what others changed there."""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.networks.overlay import TOPIC, sync_overlay

LOOP = Loop("overlay", seconds=30.0, turn=sync_overlay, topic=TOPIC)
