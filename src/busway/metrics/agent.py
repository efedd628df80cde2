"""The metrics of an agent: one line each. Devices are GPUs, and whatever a server has."""

from __future__ import annotations

from busway.metrics.family import LONG, counter, gauge, histogram

# A GPU in a guest: its address on the host, that in the guest, what the guest calls it, and whose it is.
_GUEST = ("device", "guest_device", "uuid", "server", "project")

FAMILIES = (
    gauge("busway_agent_info", "1, with the host's name and the version of its agent.", "host", "version"),
    counter("busway_agent_steps_total", "Steps by how they ended: done, postponed or failed.", "step", "result"),
    histogram("busway_agent_step_seconds", "How long steps took that ended.", "step", buckets=LONG),
    gauge("busway_agent_trouble", "1 for each part of the agent that is in trouble.", "part", "code"),
    gauge("busway_agent_generation", "The generation of the document that was carried out last."),
    gauge("busway_guest_gpu_answers", "1 while a guest whose GPUs are asked for tells of them.", "server"),
    *(
        gauge(f"busway_guest_gpu_{name}", f"{text}, as its guest tells it.", *_GUEST)
        for name, text in (
            ("utilization_ratio", "How busy a GPU is, from 0 to 1"),
            ("memory_used_bytes", "Its memory that is in use"),
            ("memory_total_bytes", "Its memory"),
            ("temperature_celsius", "Its temperature"),
            ("power_watts", "What it draws"),
        )
    ),
    gauge("busway_device_info", "1 for each device.", "device", "model", "driver", "numa_node"),
    gauge("busway_device_server", "1 for each device that a server has.", "device", "server"),
    gauge(
        "busway_device_link_speed_gts", "The speed of a lane of its link now, in GT/s; idle GPUs lower it.", "device"
    ),
    gauge("busway_device_link_width", "The lanes of its link that work now.", "device"),
    gauge("busway_device_link_max_speed_gts", "The most that a lane of its link can do, in GT/s.", "device"),
    gauge("busway_device_link_max_width", "The lanes that it has.", "device"),
    counter(
        "busway_device_aer_errors_total",
        "PCIe errors that the kernel has counted since the host started: correctable, nonfatal, fatal.",
        "device",
        "severity",
        read=True,
    ),
    counter("busway_device_resets_total", "Resets by this agent when a server gave the device back.", "device"),
    gauge(
        "busway_device_power_state",
        "1, with the device's power state (D0 to D3cold) and the kernel's word.",
        "device",
        "state",
        "runtime",
    ),
    gauge(
        "busway_device_temperature_celsius",
        "What its sensors say, where the host has its driver; not while it sleeps.",
        "device",
        "sensor",
    ),
)
