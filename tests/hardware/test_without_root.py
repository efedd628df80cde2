"""What a user without root is told of this very machine; needs a Linux kernel, and works as any user."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import busway
from busway.testing.machines_named import NAMED

_AS_NOBODY = """
import json, os, sys
from pathlib import Path
from busway.hardware import Machine
from busway.hardware.snapshot import capture
if os.geteuid() == 0:
    os.seteuid(65534)
machine = Machine.read()
framebuffers = machine.framebuffers
files = machine.open_files
tree = Machine.read(Path(sys.argv[1]))
done = capture(Path("/"), Path(sys.argv[2]))
print(json.dumps({
    "functions": len(machine),
    "hidden": files.hidden,
    "ids": tree.gpus[0].vendor_id if tree.gpus else None,
    "boot_vga": [function.boot_vga for function in tree],
    "entries": done.entries,
}))
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may use; pytest's own are for their owner."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.skipif(not Path("/proc/1/fd").exists(), reason="needs a Linux kernel with /proc")
def test_reading_goes_on_without_root_and_tells_what_it_can_not_see(shared: Path) -> None:
    machine = NAMED["no-iommu"](shared / "tree")
    (machine.folder("0000:01:00.0") / "boot_vga").chmod(0)

    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, shared / "tree", shared / "snapshot"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": str(Path(busway.__file__).parents[1])},
    )

    said = json.loads(done.stdout)
    assert said["hidden"] > 0
    assert said["ids"] == "10de"
    assert said["boot_vga"] == [None, None, None, None]
    assert said["entries"] > 0
