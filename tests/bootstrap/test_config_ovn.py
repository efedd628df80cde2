"""The section `[ovn]`, up to a real database server that wants to see a certificate."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busway.bootstrap.config import read_config
from busway.domain.errors import InvalidConfig, Unavailable
from busway.ovn.connection import Address, parse_addresses
from busway.ovn.northbound import Northbound
from busway.pki.authority import make_authority
from busway.pki.request import make_request
from tests.networking.ovn import daemon, kill, run

NOW = datetime.now(UTC)


def northbound(folder: Path, **values: object) -> Northbound | None:
    path = folder / "busway.conf"
    path.write_text("[ovn]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    return read_config(path, state_path=str(folder)).northbound


def test_servers_of_a_cluster_are_separated_by_commas() -> None:
    assert parse_addresses("unix:/run/nb.sock, ssl:ovn-1:6641,ssl:[2001:db8::1]:6641") == (
        Address(path="/run/nb.sock"), Address(host="ovn-1", port=6641), Address(host="2001:db8::1", port=6641),
    )  # fmt: skip
    assert parse_addresses("") == ()


@pytest.mark.parametrize("word", ["tcp:127.0.0.1:6641", "ssl:host", "ssl::6641", "unix:nb.sock", "ssl:h:0", "nb"])
def test_an_address_that_cannot_be_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="no address of a northbound database"):
        northbound(tmp_path, ovn_nb_connection=word)


def test_files_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path) -> None:
    assert northbound(tmp_path) is None
    with pytest.raises(InvalidConfig, match="belong together"):
        northbound(tmp_path, ovn_nb_connection="ssl:ovn:6641", ovn_nb_certificate="/c.pem")
    with pytest.raises(InvalidConfig, match="can't be used"):
        northbound(tmp_path, ovn_nb_connection="ssl:ovn:6641", ovn_nb_ca_cert=tmp_path / "missing.pem")


@pytest.mark.skipif(shutil.which("ovsdb-tool") is None, reason="needs openvswitch-switch and ovn-central")
def test_both_sides_show_certificates(tmp_path: Path) -> None:
    authority, other = make_authority(NOW), make_authority(NOW)
    key, request = make_request("control")
    files = {
        "ca": authority.ca, "other": other.ca, "server": authority.sign_server(["127.0.0.1"], NOW), "key": key,
        "cert": authority.sign_agent(request, "control", NOW),
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run("ovsdb-tool", "create", str(tmp_path / "nb.db"), "/usr/share/ovn/ovn-nb.ovsschema")
    tls = (f"--private-key={tmp_path}/server", f"--certificate={tmp_path}/server", f"--ca-cert={tmp_path}/ca")
    daemon(
        tmp_path,
        "nb",
        "ovsdb-server",
        "--remote=pssl:0:127.0.0.1",
        f"--unixctl={tmp_path}/ctl",
        *tls,
        f"{tmp_path}/nb.db",
    )
    try:
        listening = re.search(r"0:127.0.0.1: listening on port (\d+)", (tmp_path / "nb.log").read_text())
        assert listening is not None
        where = {"ovn_nb_connection": f"unix:/run/nobody.sock,ssl:127.0.0.1:{listening[1]}"}
        mine = {"ovn_nb_certificate": tmp_path / "cert", "ovn_nb_private_key": tmp_path / "key"}

        trusted = northbound(tmp_path, **where, **mine, ovn_nb_ca_cert=tmp_path / "ca")
        assert trusted is not None
        assert trusted.converge(()) == 0
        for wrong in ({**mine, "ovn_nb_ca_cert": tmp_path / "other"}, {"ovn_nb_ca_cert": tmp_path / "ca"}):
            refused = northbound(tmp_path, **where, **wrong)
            assert refused is not None
            with pytest.raises(Unavailable):
                refused.converge(())
    finally:
        kill(tmp_path, "nb")
