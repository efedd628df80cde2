"""The config drive: an ISO 9660 image labelled config-2, as cloud-init and similar programs expect it."""

from __future__ import annotations

import io

from busway.domain.documents import ConfigDrive
from busway.domain.guest_files import openstack_files


def config_drive_iso(drive: ConfigDrive) -> bytes:
    """Writes the drive's files under openstack/latest, with their long names in Rock Ridge and Joliet."""
    import pycdlib  # a tenth of a second that only this step needs

    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident="config-2", joliet=3, rock_ridge="1.09")
    iso.add_directory("/OPENSTACK", rr_name="openstack", joliet_path="/openstack")
    iso.add_directory("/OPENSTACK/LATEST", rr_name="latest", joliet_path="/openstack/latest")
    for name, data in openstack_files(drive).items():
        iso.add_fp(
            io.BytesIO(data),
            len(data),
            f"/OPENSTACK/LATEST/{name.upper()};1" if "." in name else f"/OPENSTACK/LATEST/{name.upper()}.;1",
            rr_name=name,
            joliet_path=f"/openstack/latest/{name}",
        )
    out = io.BytesIO()
    iso.write_fp(out)
    iso.close()
    return out.getvalue()
