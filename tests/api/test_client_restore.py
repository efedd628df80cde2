"""Where deleted servers are kept, the stock clients list one, restore it, and delete it for good."""

from pathlib import Path

from tests.api import test_clients, test_soft_delete
from tests.api.serving import ApiServer
from tests.api.test_clients import Clients

pytestmark = test_clients.pytestmark
keeping = test_soft_delete.keeping


def test_a_deleted_server_is_restored_and_deleted_for_good(keeping: ApiServer, tmp_path: Path) -> None:
    clients = Clients(keeping, tmp_path)
    _, server = test_soft_delete.running(keeping)

    clients.openstack("server", "delete", server)
    listed = clients.read("server", "list")
    kept = clients.read("server", "list", "--status", "SOFT_DELETED")
    clients.openstack("server", "restore", server)
    restoring = clients.read("server", "show", server)["OS-EXT-STS:task_state"]
    clients.nova("force-delete", server)

    assert (listed, [each["ID"] for each in kept]) == ([], [server])
    assert restoring == "restoring"
    assert clients.read("server", "show", server)["OS-EXT-STS:task_state"] == "deleting"
