"""A cloud with one thing of each kind, tokens of each kind, and a request for every operation of the API."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from busway.api import compute, identity, image, network, own, placement
from busway.api.microversion import COMPUTE, versioned
from busway.api.operation import Operation
from tests.api.serving import ApiServer

SERVICES = (identity, compute, image, network, own, placement)
# Roles in project lab. `other` is a member of another project, `system` a reader of the whole system; somebody made role `odd` up.
# Besides these there is `domain`, a manager of the domain that they all are in.
ROLES = {"reader": "reader", "member": "member", "manager": "manager", "odd": "odd", "service": "service"}
_PART = {"properties": "row", "objects": "place", "tags": "old"}
COLUMNS = ("none", "unscoped", "odd", "reader", "member", "manager", "other", "service", "system", "admin")
PASSWORD = "pw-of-everybody"


@dataclass(frozen=True)
class Request:
    """One request, its body for who is let in, and the rule that decides."""

    method: str
    path: str
    rule: str
    body: Any = None
    action: str = ""
    version: str = f"compute {COMPUTE.shown(COMPUTE.maximum)}"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}" + (f" {self.action}" if self.action else "")


def operations() -> list[Operation]:
    """Every operation, those with streams too."""
    return [operation for service in SERVICES for operation in service.OPERATIONS]


def requests() -> Iterator[Request]:
    """One request for each operation, and one for each action of those with several."""
    for operation in operations():
        if operation.public:
            continue
        service = versioned(operation.path) or COMPUTE
        version = f"{service.word} {service.shown(min(operation.until, service.maximum))}"
        if isinstance(operation.rule, str):
            body: Any = {} if operation.body is not None or operation.reads_body else None
            yield Request(operation.method, operation.path, operation.rule, body, version=version)
            continue
        for action, rule in operation.rule.items():
            word = action or "somethingElse"
            yield Request(operation.method, operation.path, rule, {word: None}, word, version)


def table_of_rights() -> dict[str, dict[str, int]]:
    """The golden table: by the name of a request, the status that each kind of token gets."""
    text = (Path(__file__).parent / "golden" / "rights.txt").read_text("utf-8").splitlines()
    rows = {}
    for line in text[1:]:
        words = line.split()  # those of the name, then one for each column, then the rule
        first = len(words) - 1 - len(COLUMNS)
        rows[" ".join(words[:first])] = dict(zip(COLUMNS, map(int, words[first:-1]), strict=True))
    return rows


class World:
    """The cloud; `forget` undoes whatever a request did."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self._http = server.client()
        del self._http.headers["X-Auth-Token"]
        self.admin = server.client()
        self.host = server.host("host1")
        self.things = self._things()
        self.tokens: Mapping[str, str] = {
            "none": "",
            "unscoped": server.token("member", PASSWORD, None),
            "other": server.token("other", PASSWORD, "elsewhere"),
            "admin": server.admin,
            "system": self._token_on("auditor", {"system": {"all": True}}),
            "domain": self._token_on("head", {"domain": {"id": "default"}}),
            **{name: server.token(name, PASSWORD, "lab") for name in ROLES},
        }
        self._database = server.control.state / "busway.db"
        self._copy = server.control.state / "copy.db"
        server.control.db.close()
        shutil.copy(self._database, self._copy)

    def forget(self) -> None:
        self.server.control.db.close()
        for end in ("-wal", "-shm"):
            Path(f"{self._database}{end}").unlink(missing_ok=True)
        shutil.copy(self._copy, self._database)

    def ask(self, request: Request, who: str) -> int:
        """The status that somebody gets; what was done is undone."""
        path = request.path
        for name, value in self._named(request.path).items():
            path = path.replace(f"{{{name}}}", value)
        headers = {"OpenStack-API-Version": request.version}
        if self.tokens[who]:
            headers["X-Auth-Token"] = self.tokens[who]
        if path == "/identity/v3/auth/tokens":
            headers["X-Subject-Token"] = self.tokens["member"]
        answer = self._http.request(request.method, path, json=request.body, headers=headers)
        if request.method != "GET" and answer.status_code < 400:
            self.forget()
        return answer.status_code

    def _named(self, path: str) -> dict[str, str]:
        """The values of a path's parameters: things of project lab and of its member."""
        things = self.things
        collection = path.split("/{", maxsplit=1)[0].rpartition("/")[2]
        first = things.get(collection, "none-such")
        return {
            "id": first,
            "name": first,
            "name:path": first,
            "project": things["projects"],
            "user": things["users"],
            "role": things["roles"],
            "implied": things["roles"],
            "group": things["groups"],
            "domain": "default",
            "key": "key",
            "tag": "tag",
            "member": "partners",
            "namespace": things["namespaces"],
            "store": "file",
            "part": _PART.get(path.rsplit("/", 2)[1], "none-such"),
            "type": "OS::Nova::Aggregate",
            "alias": "os-keypairs",
            "request": things["request"],
        }

    def _things(self) -> dict[str, str]:
        projects = {name: self._post("/identity/v3/projects", "project", name=name) for name in ("lab", "elsewhere")}
        self._post("/identity/v3/roles", "role", name="odd")
        roles = {each["name"]: each["id"] for each in self.admin.get("/identity/v3/roles").json()["roles"]}
        users = {name: self._user(name, projects["lab"], roles[role]) for name, role in ROLES.items()}
        self._user("other", projects["elsewhere"], roles["member"])
        auditor = self._post("/identity/v3/users", "user", name="auditor", password=PASSWORD)
        self.admin.put(f"/identity/v3/system/users/{auditor}/roles/{roles['reader']}").raise_for_status()
        head = self._post("/identity/v3/users", "user", name="head", password=PASSWORD)
        self.admin.put(f"/identity/v3/domains/default/users/{head}/roles/{roles['manager']}").raise_for_status()
        return {
            "projects": projects["lab"],
            "users": users["member"],
            "roles": roles["member"],
            "domains": "default",
            "groups": self._post("/identity/v3/groups", "group", name="crew"),
            "namespaces": self._namespace(),
            **self._members_own(),
            "os-aggregates": str(self._post("/compute/v2.1/os-aggregates", "aggregate", name="fast")),
            "hosts": self.host.name,
            "devices": self.admin.get("/busway/v1/devices").json()["devices"][0]["id"],
            "device-specs": str(self.admin.get("/busway/v1/device-specs").json()["device_specs"][0]["id"]),
            "aliases": "a1",
            **dict.fromkeys(
                ("networks", "network-ip-availabilities"),
                self.admin.get("/network/v2.0/networks").json()["networks"][0]["id"],
            ),
            "os-quota-class-sets": "default",
            "os-simple-tenant-usage": projects["lab"],
        }

    def _namespace(self) -> str:
        """Definitions that everybody may read: one of each kind."""
        property_ = {"title": "Row", "type": "string"}
        body = {
            "namespace": "Lab::Racks",
            "visibility": "public",
            "resource_type_associations": [{"name": "OS::Nova::Aggregate"}],
            "properties": {"row": property_},
            "objects": [{"name": "place", "properties": {"row": property_}}],
            "tags": [{"name": "old"}],
        }
        self.admin.post("/image/v2/metadefs/namespaces", json=body).raise_for_status()
        return "Lab::Racks"

    def _members_own(self) -> dict[str, str]:
        member = self.server.client(self.server.token("member", PASSWORD, "lab"), "2.2")
        image = self.server.image()
        own = member.post("/image/v2/images", json={"name": "own", "disk_format": "raw", "container_format": "bare"})
        own_image = own.json()["id"]
        member.put(f"/image/v2/images/{own_image}/file", content=b"data").raise_for_status()
        member.post(f"/image/v2/images/{own_image}/members", json={"member": "partners"}).raise_for_status()
        flavor = member.get("/compute/v2.1/flavors").json()["flavors"][0]["id"]
        member.post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "key", "public_key": KEY}})
        body = {"name": "s", "imageRef": image, "flavorRef": flavor}
        made = member.post("/compute/v2.1/servers", json={"server": body})
        group = {"server_group": {"name": "g", "policies": ["affinity"]}}
        server = made.json()["server"]["id"]
        return {
            "servers": server,
            "images": own_image,
            "flavors": flavor,
            "os-keypairs": "key",
            "request": made.headers["x-openstack-request-id"],
            "os-server-groups": member.post("/compute/v2.1/os-server-groups", json=group).json()["server_group"]["id"],
            "ports": member.get("/network/v2.0/ports").json()["ports"][0]["id"],
            "routers": member.post("/network/v2.0/routers", json={"router": {"name": "r"}}).json()["router"]["id"],
            "trunks": self._trunk(member),
            **dict.fromkeys(("floatingips", "os-floating-ips"), self._floating(member)),
        }

    def _floating(self, member: httpx.Client) -> str:
        asked = {"name": "outer", "router:external": True, "provider:network_type": "geneve"}
        outer = self._post("/network/v2.0/networks", "network", **asked)
        self._post("/network/v2.0/subnets", "subnet", network_id=outer, cidr="203.0.113.0/24")
        wanted = {"floatingip": {"floating_network_id": outer}}
        return str(member.post("/network/v2.0/floatingips", json=wanted).json()["floatingip"]["id"])

    def _trunk(self, member: httpx.Client) -> str:
        network = self._post("/network/v2.0/networks", "network", shared=True, **{"provider:network_type": "geneve"})
        parent = member.post("/network/v2.0/ports", json={"port": {"network_id": network}}).json()["port"]["id"]
        return str(member.post("/network/v2.0/trunks", json={"trunk": {"port_id": parent}}).json()["trunk"]["id"])

    def _token_on(self, name: str, scope: dict[str, Any]) -> str:
        """A token of somebody for another scope than a project."""
        auth = {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": name, "password": PASSWORD, "domain": {"id": "default"}}},
            },
            "scope": scope,
        }
        return str(self.admin.post("/identity/v3/auth/tokens", json={"auth": auth}).headers["x-subject-token"])

    def _user(self, name: str, project: str, role: str) -> str:
        user = self._post("/identity/v3/users", "user", name=name, password=PASSWORD)
        self.admin.put(f"/identity/v3/projects/{project}/users/{user}/roles/{role}").raise_for_status()
        return user

    def _post(self, path: str, key: str, **fields: object) -> str:
        answer = self.admin.post(path, json={key: fields})
        assert answer.is_success, answer.text
        return str(answer.json()[key]["id"])


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAxDDyAnKvOwaMVGUrWWbsAMVbbrPkyBVBu9MqmdLAbc ann@example"
