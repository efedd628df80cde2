"""The Debian package on a copy of this machine that systemd runs: installed, started, upgraded, removed, purged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.deb.build import Package

import busway
from tests.packaging.machine import Booted, can_copy, copied

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]
_NEXT = f"{busway.__version__}+next"
_INSTALL = "dpkg --install --force-depends --force-confold /tmp/given/busway_{version}_*.deb"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the package, and with its successor."""
    folder = tmp_path_factory.mktemp("deb")
    for version in (busway.__version__, _NEXT):
        Package(version, level=1).build(folder)
    return folder


@pytest.fixture(scope="module")
def machine(packages: Path) -> Iterator[Booted]:
    """Return a machine on which nothing of Busway is installed yet."""
    if not can_copy():
        pytest.skip("needs root, dpkg, and a kernel that lays an overlay over /")
    with copied() as made:
        for path in packages.iterdir():
            path.rename(made.given / path.name)
        with made.booted() as booted:
            booted.wait_until_up()
            # This machine's own rule against starting services, and man-db's index, are no part of the test.
            booted.run("rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update")
            yield booted


def test_the_package_has_its_parts_and_nothing_of_the_tests(machine: Booted) -> None:
    [package] = machine.run(f"ls /tmp/given/busway_{busway.__version__}_*.deb").split()
    names = machine.run(f"dpkg-deb --contents {package}")
    scripts = machine.run(f"dpkg-deb --info {package}")

    for wanted in (
        "./usr/bin/busway", "./lib/systemd/system/busway.service", "./lib/systemd/system/busway-agent.service",
        "./usr/share/man/man1/busway-up.1.gz", "./usr/share/bash-completion/completions/busway",
        "./usr/share/zsh/vendor-completions/_busway", "./etc/busway/busway.conf", "/busway/store/migrations/env.py",
    ):  # fmt: skip
        assert wanted in names, wanted
    assert "__pycache__" not in names
    assert "root/root" in names
    assert all(word in scripts for word in ("conffiles", "postinst", "prerm", "postrm", "Depends: python3"))


def test_installed_upgraded_removed_and_purged(machine: Booted) -> None:
    machine.run(_INSTALL.format(version=busway.__version__))

    # None starts by itself; the configuration is not the world's to read.
    assert machine.run("systemctl is-enabled busway busway-agent busway-up || true").split()[-3:] == ["disabled"] * 3
    assert machine.run("stat -c '%A %U %G' /etc/busway/busway.conf").split() == ["-rw-r-----", "root", "busway"]
    assert machine.run("busway --version").split()[-1] == busway.__version__
    machine.run("cd /usr/lib/busway/lib && dpkg --verify busway")

    machine.run("systemctl enable --now busway")
    machine.run("timeout 60 sh -c 'until test -s /var/lib/busway/clouds.yaml; do sleep 0.2; done'")
    assert "There is no host yet" in machine.run("timeout 60 sh -c 'until busway host list; do sleep 0.5; done'")
    assert machine.run("stat -c '%U %a' /var/lib/busway /var/lib/busway/busway.db").split() == [
        "busway",
        "700",
        "busway",
        "600",
    ]
    pid = machine.run("systemctl show --value -p MainPID busway").strip()
    assert machine.run(f"stat -c %U /proc/{pid}").strip() == "busway"

    machine.run("echo '# mine' >> /etc/busway/busway.conf")
    machine.run(_INSTALL.format(version=_NEXT))
    assert _NEXT in machine.run("dpkg-query -W busway")
    assert "# mine" in machine.run("cat /etc/busway/busway.conf")
    assert machine.run("stat -c '%A %G' /etc/busway/busway.conf").split() == ["-rw-r-----", "busway"]
    assert machine.run("systemctl is-enabled busway").split()[-1] == "enabled"
    assert machine.run("systemctl show --value -p MainPID busway").strip() not in ("0", pid)

    machine.run("dpkg --remove busway")
    assert machine.run("systemctl is-active busway || true").split()[-1] == "inactive"
    assert machine.run("test ! -e /usr/lib/busway && ls /var/lib/busway/busway.db /etc/busway/busway.conf")

    machine.run("dpkg --purge busway")
    machine.run("for each in /etc/busway /var/lib/busway /usr/lib/busway /usr/bin/busway; do test ! -e $each; done")
    machine.run("! getent passwd busway")
    assert "busway" not in machine.run("ls /etc/systemd/system /etc/systemd/system/multi-user.target.wants || true")


def test_a_purge_leaves_disks_of_guests(machine: Booted) -> None:
    machine.run(_INSTALL.format(version=busway.__version__))
    disk = "/var/lib/busway-agent/servers/00000000-0000-4000-8000-000000000001/disk.qcow2"
    machine.run(f"mkdir -p {Path(disk).parent} && echo disk > {disk}")

    said = machine.run("dpkg --purge busway 2>&1")

    assert "/var/lib/busway-agent has disks of guests" in said
    assert machine.run(f"cat {disk}").strip() == "disk"
