"""The metrics of a control plane: one line each. With several control planes, those that are read are the same in all."""

from __future__ import annotations

from busway.metrics.family import LONG, QUICK, counter, gauge, histogram

FAMILIES = (
    gauge("busway_info", "1, with the version of this control plane.", "version"),
    gauge(
        "busway_devices",
        "Devices that are offered or claimed. `model` is vendor:product, `quarantine` why one is set aside: used-once, "
        "handover (its way back proves nothing), or fault (its host could not let it go); empty for all others.",
        "host",
        "model",
        "name",
        "status",
        "quarantine",
    ),
    gauge("busway_claims", "Live claims on devices.", "state"),
    gauge("busway_servers", "Servers that are not deleted.", "status", "task_state"),
    gauge("busway_servers_waiting", "Servers that wait for a host."),
    gauge("busway_servers_waiting_oldest_seconds", "How long the oldest of them has waited; 0 if none waits."),
    gauge("busway_host_up", "1 while the agent of a host has reported within the lease.", "host"),
    gauge("busway_host_enabled", "1 if new servers may go to a host.", "host"),
    gauge(
        "busway_host_report_age_seconds",
        "How long ago the agent of a host last reported; no value before the first report.",
        "host",
    ),
    counter("busway_placements_total", "Servers that the placer of this control plane has placed."),
    counter(
        "busway_placement_refusals_total",
        "Servers for which the placer of this control plane found no host, counted once for each rule that excluded a host. `request` means a request that can't be understood.",
        "rule",
    ),
    histogram(
        "busway_server_state_seconds",
        "How long servers were in a state when they left it: BUILD with scheduling is the wait for placement, with spawning the wait for the host. An empty task_state means a server without a task.",
        "status",
        "task_state",
        buckets=LONG,
    ),
    counter("busway_api_requests_total", "Requests to the API by operation and status.", "method", "path", "code"),
    histogram(
        "busway_api_request_seconds", "The time until the start of their answers.", "method", "path", buckets=QUICK
    ),
    gauge("busway_database_seconds", "How long the last query of these metrics took."),
    gauge("busway_database_connections", "Connections of this control plane to the database in use."),
    counter("busway_loop_turns_total", "Turns of the loops of this control plane.", "loop", read=True),
    counter("busway_loop_turns_failed_total", "Turns that ended with an error.", "loop", read=True),
    counter("busway_loop_items_failed_total", "Single items that ended with an error.", "loop", read=True),
    counter("busway_loop_seconds_total", "Time spent in turns.", "loop", read=True),
    gauge("busway_loop_last_run_timestamp_seconds", "When the last turn started.", "loop"),
)
