"""Connections behind the packet filter of a guest's card: it needs nf_conntrack_bridge, which Debian's kernel has."""

import subprocess
import sys


def test_an_answer_passes_the_filter_of_a_host_that_knows_its_connection_from_another() -> None:
    module = [sys.executable, "-m", "tests.networking.inside.bridged"]
    done = subprocess.run(["unshare", "--net", *module], capture_output=True, text=True, timeout=200, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all is well"
