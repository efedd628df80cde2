"""The web console's map of 1,000 GPUs: from the request to the last byte, beside the second that its readers may wait."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.api.serving import start_api_server
from tests.web.console import logged_in

from benchmarks.cloud_rows import GPUS, add_hosts
from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement

HOSTS, FEW_HOSTS = 125, 5
_SHORT = 1.0
_LIMIT_MS = 1000.0


def _measure(seconds: float) -> Measurement:
    hosts = HOSTS if seconds >= _SHORT else FEW_HOSTS
    with disk_folder() as folder:
        server = start_api_server(Path(folder))
        try:
            add_hosts(server.control, hosts)
            console = logged_in(server)
            page = console.get("/map")
            took: list[float] = []
            while sum(took) < seconds or len(took) < 3:
                began = time.perf_counter()
                page = console.get("/map")
                took.append(time.perf_counter() - began)
        finally:
            server.stop()
    assert page.count("data-gpu") == hosts * GPUS
    details = (f"{hosts * GPUS} GPUs in {hosts} hosts: {len(page.encode()) / 2**20:.1f} MiB, {len(took)} times",)
    return Measurement(statistics.median(took) * 1e3, "ms", _LIMIT_MS, "the limit of one second", details)


MAP = Benchmark("map", "the console's page of 1,000 GPUs, median", _measure)
