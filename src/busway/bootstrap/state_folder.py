"""The control plane's state folder: nobody else looks into it.

STATE/                    0700; 0711 where an agent's folder with guests' disks lies below it (`busway up`)
STATE/busway.db           0600, with its journals; unless the database is elsewhere
STATE/images/             0700, its files 0600
STATE/tls/                0700, its files 0600
STATE/clouds.yaml, openrc 0600
"""

from __future__ import annotations

from busway.bootstrap.config import Config


def make_state_folder(config: Config) -> None:
    """Makes the folder, or takes rights away from an older one that others could look into.

    QEMU runs as a user of its own and must pass through to the disks of its guests, where they lie below.
    """
    config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.state.chmod(0o711 if (config.state / "agent").is_dir() else 0o700)
