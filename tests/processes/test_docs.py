"""The commands of the how-to pages and of the tutorial run as they are written, or are run by a test that is named here."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.networking.ovn import has_ovn, kill, start_database
from tests.processes.cloud import ProcessCloud, wait_for
from tests.project.checkout import ROOT

BIN = Path(os.environ.get("BUSWAY_CLIENTS_BIN", ROOT / ".venv-clients" / "bin"))
pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

_PROGRAMS = ("busway", "openstack", "nova", "sqlite3", "dmesg", "ssh-keygen")
_FIRST = "import json,sys; print(json.load(sys.stdin)['device_specs'][%d]['id'])"
_PLACED = "import json,sys; print(sum(each['servers'] for each in json.load(sys.stdin)))"
_PREAMBLE = f"""
spec() {{ busway device-spec list --json | python3 -c "{_FIRST % 0}"; }}
last_spec() {{ busway device-spec list --json | python3 -c "{_FIRST % -1}"; }}
server() {{ openstack server show "$1" -f value -c id; }}
flavor() {{ openstack flavor show "$1" >/dev/null 2>&1 ||
    openstack flavor create --ram "${{2:-64}}" --vcpus 1 --disk 0 "$1" >/dev/null; }}
left() {{ until [ "$(busway host list --json | python3 -c "{_PLACED}")" = 1 ]; do :; done; }}
settle() {{ until openstack server show "$1" -f value -c status | grep -qE "$2"; do :; done; }}
"""

# Commands that need hardware, a lab, or a machine of their own, and the tests that run them there.
ELSEWHERE = {
    r"openstack server create --port fast-port\b": "tests/cloud/test_nic.py",
    r"busway (up|serve|agent)\b": "tests/cloud/test_up.py",
    r"busway lab\b": "tests/lab/test_cli.py",
    r"(sudo )?busway snapshot\b|busway device (list|topology) .*--root|(sudo )?busway doctor\b": "tests/doctor/test_doctor.py",
    r"busway why\b|dmesg": "tests/doctor/test_why.py",
    r"busway config check\b": "tests/bootstrap/test_config_check.py",
    r"busway completion\b": "tests/packaging/test_debian_files.py",
    r"openstack server evacuate\b": "tests/control/test_evacuate.py",
    r"openstack \S+ \S+ server migration (abort|force)": "tests/control/test_live.py",
    r"busway host create\b": "tests/bootstrap/test_first_start.py",
    r"busway host delete \S+ --lost": "tests/control/test_lost_hosts.py",
    r"busway host drain\b": "tests/processes/test_live.py",
    r"busway plan .*--network cluster\b": "tests/control/test_overlay.py",  # an overlay network, which needs a chassis
    r"openstack server add floating ip\b": "tests/api/test_routers.py",  # of a server whose network a router joins
    r"busway server ssh \S+ --address\b": "tests/api/test_server_commands.py",
    r"busway import\b": "tests/bootstrap/test_imports.py",
    r"busway admin recover\b": "tests/bootstrap/test_first_start.py",
    r"busway image (list|pull|catalogue)\b": "tests/api/test_image_commands.py",
    r"openstack image import --method web-download\b|openstack image create --disk-format qcow2 debian-12": "tests/api/test_web_download.py",
    r"openstack image (create|import)\b.* copy-of-debian\b": "tests/api/test_glance_download.py",
    # Without a file the first of these reads one from the terminal, of which a test has none.
    r"openstack image (create|stage|import)\b.* big-image\b": "tests/api/test_image_stores.py",
    r"openstack token issue\b": "tests/api/test_federation.py",
    r"openstack --os-auth-type v3multifactor\b": "tests/api/test_multi_factor.py",
}


@dataclass(frozen=True)
class Page:
    """What a page takes for granted, and what stands for its placeholders."""

    before: str = ""
    words: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)  # what to wait for behind a command


_GPU1 = "flavor gpu1; openstack flavor set --property pci_passthrough:alias=a1:1 gpu1"
_SERVER = "openstack server create --image new1 --flavor small --nic none --wait my-server"
_RESIZED = {"--flavor big my-server": "settle my-server VERIFY", "server migrate my": "settle my-server VERIFY"}
_RESIZED |= {
    "confirm my-server": "settle my-server ACTIVE; left",
    "server shelve": "settle my-server SHELVED_OFFLOADED",
}
_RESIZED |= {
    "--live-migration": "settle my-server ACTIVE; left",
    "unshelve": "settle my-server ACTIVE",
    "rebuild": "settle my-server ACTIVE",
    "server image create": "until openstack server show my-server -f json | grep -q 'task_state\": null'; do :; done",
}
PAGES = {
    "how-to/change-at-run-time.md": Page(
        "flavor gpu",
        {"ID": "$(spec)", "OTHER": "$(last_spec)", "2330": "20b5", "type-PF": "type-PCI"},
    ),
    "how-to/groups-zones-quotas.md": Page(
        f"{_GPU1}; openstack project create --or-show lab; openstack user create --or-show ann; flavor gpu-large; flavor desktop",
        {"host7": "gpu-07", "host3": "gpu-08", "pci_passthrough:a100": "pci_passthrough:a1"},
        {
            "--server-group": "settle worker-4 ACTIVE; openstack server delete --wait $(openstack server list -f value -c ID)",
            "add host lab ": "openstack aggregate remove host lab gpu-08",  # which the next pages' servers need
        },
    ),
    "how-to/move-servers.md": Page(
        "flavor small; flavor my-flavor; flavor two-gpus;"
        "flavor big 128; openstack image save --file i new1;"
        f"openstack image create --file i --disk-format raw other; {_SERVER}",
        {"ID": "$(server my-server)"},
        _RESIZED,
    ),
    "how-to/whitelist-and-alias.md": Page(
        f"flavor gpu4; flavor mixed; flavor near4; flavor small; {_SERVER}",
    ),
    "how-to/images.md": Page(
        "openstack image save --file i new1; openstack image create --shared --file i --disk-format raw mine;"
        "qemu-img convert -f raw -O vmdk i appliance.vmdk",
        {"IMAGE": "mine", "PROJECT": "admin"},
    ),
    "how-to/image-stores.md": Page(
        "openstack image save --file i new1; openstack image create --file i --disk-format raw stored",
        {"IMAGE": "stored"},
        {"copy-image": "until openstack image show stored -f json | grep -q 'stores.*fast'; do :; done"},
    ),
    "how-to/troubleshoot.md": Page(
        "",
        {
            "HOST:ADDRESS": "gpu-07:$(busway device list --host gpu-07 --json | grep -o 0000:[0-9a-f:.]* | head -1)",
        },
    ),
    "how-to/networks.md": Page(
        "flavor m1.tiny;openstack keypair create mine >/dev/null",
        {"debian-12": "new1", "m1.small": "m1.tiny"},
        # No host here is a chassis of OVN: the server on an overlay network ends in ERROR.
        {
            "server create": "for name in $(openstack server list -f value -c Name); do settle $name 'ACTIVE|ERROR'; "
            "openstack server delete --wait $name; done"
        },
    ),
    "how-to/rights.md": Page(
        "for name in lab limited; do openstack project create --or-show $name; done; "
        "openstack domain create --or-show chemistry; "
        "for name in ann ben auditor; do openstack user create --or-show $name; done",
        {
            # Another page gives the project lab quotas, which are the same limits.
            "limit create --project lab": "limit create --project limited",
            "ENDPOINT": "$(openstack endpoint list --service monitoring -f value -c ID)",
            "--project lab --role member ann ben": "--project admin --role member admin ben",
        },
    ),
    "how-to/audit.md": Page(),
    "how-to/usage.md": Page("printf 'currency: EUR\\nper_hour: {}\\ndefault: 0.5\\n' > prices.yaml"),
    "how-to/add-a-host.md": Page(),  # the last: it deletes a host
}


def commands(page: Path) -> Iterator[str]:
    """The commands in a page's indented and fenced blocks, with their continuation lines and without comments."""
    text = page.read_text("utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    for block in [*re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, flags=re.MULTILINE), *fenced]:
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        for line in (each.strip() for each in lines):
            if line.removeprefix("sudo ").split(" ")[0] in _PROGRAMS or line.startswith(". "):
                yield re.split(r"\s+(?:#|  +\S)", line)[0]


def elsewhere(command: str) -> str | None:
    return next((test for pattern, test in ELSEWHERE.items() if re.match(pattern, command)), None)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCloud]:
    folder = tmp_path_factory.mktemp("docs")
    made = ProcessCloud(folder, f"sqlite:///{folder / 'busway.db'}")
    with made.config.open("a") as config:
        config.write(f"\n[ovn]\novn_nb_connection = unix:{folder}/nb.sock\n")
        config.write("[DEFAULT]\nenabled_backends = file:file, fast:file\n")
        config.write(f"[fast]\nfilesystem_store_datadir = {folder}/fast\n")
    if has_ovn():
        start_database(folder, "nb")
    try:
        made.start_control()
        made.prepare()
        for name in ("gpu-07", "gpu-08"):
            made.start_host(name, gpus=4)
            made.wait_for_host(name)
        yield made
    finally:
        made.down()
        if has_ovn():
            kill(folder, "nb")


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_run(cloud: ProcessCloud, name: str) -> None:
    page = PAGES[name]
    try:
        run(cloud, page.before)
        for command in commands(ROOT / "docs" / name):
            if elsewhere(command) is None and not command.startswith(". "):
                for placeholder, value in page.words.items():
                    command = re.sub(rf"(?<![\w$]){re.escape(placeholder)}\b", value, command)
                run(cloud, command + "".join(f"; {wait}" for word, wait in page.after.items() if word in command))
    finally:
        clean(cloud)


# Pages whose commands another test runs as a whole.
BY_OTHER_TESTS = {
    "how-to/gpu-modes.md": "tests/cloud/test_modes.py",
    "tutorial/first-gpu-server.md": "tests/cloud/test_workflow.py",
    "how-to/real-hardware.md": "tests/cloud/test_up.py",
    "how-to/backup-and-restore.md": "tests/bootstrap/test_backup.py",
    "how-to/consoles.md": "tests/cloud/test_workflow.py",
}


def run(cloud: ProcessCloud, script: str) -> None:
    done = subprocess.run(
        ["bash", "-ec", _PREAMBLE + script],
        cwd=cloud.folder,
        env=environment(cloud),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def environment(cloud: ProcessCloud) -> dict[str, str]:
    state = cloud.folder / "control"
    names = re.findall(r"^export (\w+)=(.*)$", (state / "openrc").read_text(), flags=re.MULTILINE)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return {
        **plain,
        **{name: shlex.split(value)[0] for name, value in names},
        "BUSWAY_CLOUDS": str(state / "clouds.yaml"),
        "PATH": f"{ROOT / '.venv/bin'}:{BIN}:{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
    }


def clean(cloud: ProcessCloud) -> None:
    """Deletes the servers that a page made."""

    def gone() -> bool:
        for server_id, server in cloud.servers().items():
            if server["OS-EXT-STS:task_state"] is None:
                cloud.delete(server_id)
        return cloud.servers() == {}

    wait_for("the page's servers to go", gone, 120)
