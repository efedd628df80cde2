"""The same decision in Nova and Placement: their own code in their own environment, beside ours in the same run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from tools.command import ROOT
from tools.peers import PEERS

from benchmarks.placement import decide, derive
from benchmarks.placement_cloud import cloud
from benchmarks.registry import Benchmark, Measurement

_HOSTS = (100, 1_000)
_COUNTS = (1, 4)
_SHORT = 1.0
_PEER_SECONDS = 600


def peer_benchmarks() -> list[Benchmark]:
    """Return the benchmarks whose reference is a peer; none where the peers' environment is not there."""
    if not PEERS.python.exists():
        return []
    return [
        Benchmark(
            "nova-filter",
            "Nova 34's PciPassthroughFilter over 1,000 hosts for 4 GPUs, against a whole decision of ours",
            _beside("nova_filter"),
        ),
        Benchmark(
            "placement-api",
            "Placement 16's GET /allocation_candidates among 1,000 hosts for 4 GPUs, against a whole decision of ours",
            _beside("placement_api"),
        ),
    ]


def _beside(module: str) -> Callable[[float], Measurement]:
    def measure(seconds: float) -> Measurement:
        sizes, counts = (_HOSTS, _COUNTS) if seconds >= _SHORT else ((20,), (1,))
        theirs = _ask(module, sizes, counts)
        ours = {}
        lines = []
        for hosts in sizes:
            snapshot = cloud(hosts)
            index = derive(snapshot) * 1e3
            for count in counts:
                decisions = decide(snapshot, count)
                ours[hosts, count] = decisions.median
                peer, alone = theirs[hosts, count] * 1e3, index + decisions.first
                lines.append(
                    f"{hosts:>6,} hosts, k = {count}: {peer:>12,.0f} us, ours {decisions.median:>5.0f} us: "
                    f"{peer / decisions.median:>8,.0f} times; {peer / alone:,.0f} times with the index made for it alone"
                )
        hosts, count = sizes[-1], counts[-1]
        return Measurement(
            theirs[hosts, count] * 1e3, "us", ours[hosts, count], "the time of our decision", tuple(lines)
        )

    return measure


def _ask(module: str, hosts: tuple[int, ...], counts: tuple[int, ...]) -> dict[tuple[int, int], float]:
    """Run a peer and return its milliseconds by number of hosts and devices."""
    arguments = [",".join(map(str, hosts)), ",".join(map(str, counts))]
    command = [str(PEERS.python), "-W", "ignore", "-m", f"benchmarks.placement_peers.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_PEER_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(each["hosts"], each["count"]): float(each["ms"]) for each in found}
