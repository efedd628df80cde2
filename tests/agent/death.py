"""An agent that dies, as by kill -9, at any of its moments."""

import itertools
import os

from busway.testing.hypervisor import FakeHypervisor
from busway.testing.kernel import FakeKernel
from busway.testing.stage import Stage


def die_at(stage: Stage, moment: int) -> bool:
    """Runs the agent in a child that ends, as by kill -9, at the n-th moment; False when it outlived them all."""
    pid = os.fork()
    if pid == 0:
        count = itertools.count()

        def tick(*_what: str) -> None:
            if next(count) == moment:
                os._exit(9)

        stage.kernel = FakeKernel(stage.root, tick)
        stage.hypervisor = FakeHypervisor(stage.root, on_verb=tick)
        stage.settle(stage.agent(tick))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
