"""The metrics of an agent: one line each. Devices are GPUs, and whatever a server has."""

from __future__ import annotations

from busway.metrics.family import LONG, counter, gauge, histogram

# A GPU in a guest: its address on the host, that in the guest, what the guest calls it, and whose it is.
_GUEST = ("device", "guest_device", "uuid", "server", "project")

FAMILIES = (
    gauge("busway_agent_info", "1, with the host's name and the version of its agent.", "host", "version"),
    counter("busway_agent_steps_total", "Steps by result: done, postponed or failed.", "step", "result"),
    histogram("busway_agent_step_seconds", "How long finished steps took.", "step", buckets=LONG),
    gauge("busway_agent_trouble", "1 for each part of the agent with a problem.", "part", "code"),
    gauge("busway_agent_generation", "The generation of the last document that was carried out."),
    gauge("busway_guest_gpu_answers", "1 if a guest answers the requests for its GPUs' values.", "server"),
    *(
        gauge(f"busway_guest_gpu_{name}", f"{text}, as its guest reports it.", *_GUEST)
        for name, text in (
            ("utilization_ratio", "How busy a GPU is, from 0 to 1"),
            ("memory_used_bytes", "Its memory in use"),
            ("memory_total_bytes", "Its memory"),
            ("temperature_celsius", "Its temperature"),
            ("power_watts", "Its power draw"),
        )
    ),
    gauge("busway_device_info", "1 for each device.", "device", "model", "driver", "numa_node"),
    gauge("busway_device_server", "1 for each device that a server has.", "device", "server"),
    gauge(
        "busway_device_link_speed_gts",
        "The current speed of a lane of its link, in GT/s; idle GPUs lower it.",
        "device",
    ),
    gauge("busway_device_link_width", "The active lanes of its link.", "device"),
    gauge("busway_device_link_max_speed_gts", "The maximum speed of a lane of its link, in GT/s.", "device"),
    gauge("busway_device_link_max_width", "The maximum number of lanes of its link.", "device"),
    counter(
        "busway_device_aer_errors_total",
        "PCIe errors counted by the kernel since the host started: correctable, nonfatal, fatal.",
        "device",
        "severity",
        read=True,
    ),
    counter("busway_device_resets_total", "Resets by this agent when a server released the device.", "device"),
    gauge(
        "busway_device_power_state",
        "1, with the device's power state (D0 to D3cold) and its runtime status in the kernel.",
        "device",
        "state",
        "runtime",
    ),
    gauge(
        "busway_device_temperature_celsius",
        "The values of its sensors, if the host has its driver; none while it sleeps.",
        "device",
        "sensor",
    ),
)
