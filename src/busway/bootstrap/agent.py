"""`busway agent`: one host's agent in its own process."""

from __future__ import annotations

import signal
import threading

from busway.agent.wiring import AgentOptions, build_agent, serving_metrics
from busway.bootstrap.crashpoint import crashpoint_from_environment
from busway.bootstrap.findings import examine
from busway.bootstrap.logs import set_up_logs


def run_agent(options: AgentOptions, *, once: bool = False) -> None:
    """Runs until SIGINT or SIGTERM; `once` does one round and reports. Guests keep running when the agent ends."""
    set_up_logs()
    agent = build_agent(options, crashpoint_from_environment(), examine)
    if once:
        agent.round()
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serving_metrics(agent, options):
        agent.run(stop)
