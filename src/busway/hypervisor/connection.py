"""A connection to libvirt that is opened when it is first needed, and again after libvirtd was restarted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import libvirt

from busway.domain.errors import HostError, Unavailable
from busway.domain.ids import ServerId

_T = TypeVar("_T")


class Connection:
    """Runs acts on libvirt; each error of libvirt leaves as `HostError`, or `Unavailable` when libvirt does not answer.

    libvirt prints each error to stderr unless a handler is set.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._connection: Any = None
        self._opening = threading.Lock()
        libvirt.registerErrorHandler(lambda _context, _error: None, None)

    def act(self, verb: str, server_id: ServerId, act: Callable[[Any], _T]) -> _T:
        """Runs `act` with the domain of a server; raises `HostError` when there is none."""
        return self.ask(f"{verb} server {server_id}", lambda connection: act(connection.lookupByUUIDString(server_id)))

    def act_if_there(self, verb: str, server_id: ServerId, act: Callable[[Any], object]) -> None:
        """Runs `act` with the domain of a server; does nothing when there is none."""

        def on_domain(connection: Any) -> None:
            try:
                domain = connection.lookupByUUIDString(server_id)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return
                raise
            act(domain)

        self.ask(f"{verb} server {server_id}", on_domain)

    def ask(self, doing: str, act: Callable[[Any], _T]) -> _T:
        """Runs `act`; when the connection died (libvirtd was restarted), connects again and runs it once more."""
        try:
            return act(self.open())
        except libvirt.libvirtError as error:
            if self.is_alive():
                raise refused(doing, error) from error
        try:
            return act(self.open())
        except libvirt.libvirtError as error:
            raise (refused(doing, error) if self.is_alive() else away(self.uri, doing, error)) from error

    def open(self) -> Any:
        """Libvirt's connection, opened again when there is none or it has died."""
        with self._opening:  # several workers ask, and one of them connects
            if not self.is_alive():
                self._connection = libvirt.open(self.uri)
            return self._connection

    def is_alive(self) -> bool:
        """True when the connection has been opened and libvirt answers."""
        try:
            return self._connection is not None and bool(self._connection.isAlive())
        except libvirt.libvirtError:
            return False


def refused(doing: str, error: libvirt.libvirtError) -> HostError:
    """The error of an act that libvirt has refused."""
    return HostError(
        f"libvirt could not {doing}",
        detail=str(error.get_error_message() or error),
        remedy="Read QEMU's messages in the domain's log under /var/log/libvirt/qemu.",
        code="libvirt-refused",
    )


def away(uri: str, doing: str, error: libvirt.libvirtError) -> Unavailable:
    """The error of an act for which libvirt could not be reached."""
    return Unavailable(
        f"libvirt at {uri} can't be reached to {doing}",
        detail=str(error.get_error_message() or error),
        remedy="Start libvirtd (`systemctl start libvirtd`); the agent retries automatically.",
        code="libvirt-away",
    )
