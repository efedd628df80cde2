"""The config drive: an ISO 9660 image labelled config-2, as cloud-init and similar programs expect it."""

from __future__ import annotations

import io

from busway.domain.documents import ConfigDrive
from busway.domain.guest_files import content_files, openstack_files


def config_drive_iso(drive: ConfigDrive) -> bytes:
    """Writes the drive's files under openstack/latest and openstack/content, with their long names in Rock Ridge and Joliet."""
    import pycdlib  # a tenth of a second that only this step needs

    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident="config-2", joliet=3, rock_ridge="1.09")
    iso.add_directory("/OPENSTACK", rr_name="openstack", joliet_path="/openstack")
    folders = {"latest": openstack_files(drive), "content": content_files(drive)}
    for folder, files in folders.items():
        if not files:
            continue
        inside = f"/OPENSTACK/{folder.upper()}"
        iso.add_directory(inside, rr_name=folder, joliet_path=f"/openstack/{folder}")
        for name, data in files.items():
            iso.add_fp(
                io.BytesIO(data),
                len(data),
                f"{inside}/{name.upper()};1" if "." in name else f"{inside}/{name.upper()}.;1",
                rr_name=name,
                joliet_path=f"/openstack/{folder}/{name}",
            )
    out = io.BytesIO()
    iso.write_fp(out)
    iso.close()
    return out.getvalue()
