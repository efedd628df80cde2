"""An admin at the identity API, with one call for each thing that tests make."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.serving import ApiServer

ROOT = "/identity/v3"
PASSWORD = "pw-of-everybody"


class Identity:
    """Makes domains, projects, users, groups and roles; every other path is asked with `get`, `put` and so on."""

    def __init__(self, server: ApiServer, token: str | None = None) -> None:
        self.server = server
        self.http = server.client(token)
        self.get, self.put, self.delete = (self._asker(method) for method in ("GET", "PUT", "DELETE"))

    def _asker(self, method: str) -> Any:
        def ask(path: str, json: Any = None, **params: Any) -> httpx.Response:
            return self.http.request(method, f"{ROOT}/{path}", json=json, params=params or None)

        return ask

    def post(self, path: str, key: str, **fields: Any) -> httpx.Response:
        return self.http.post(f"{ROOT}/{path}", json={key: fields})

    def patch(self, path: str, key: str, **fields: Any) -> httpx.Response:
        return self.http.patch(f"{ROOT}/{path}", json={key: fields})

    def make(self, path: str, key: str, **fields: Any) -> str:
        """The id of what a POST made."""
        answer = self.post(path, key, **fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()[key]["id"])

    def domain(self, name: str, **fields: Any) -> str:
        return self.make("domains", "domain", name=name, **fields)

    def project(self, name: str, **fields: Any) -> str:
        return self.make("projects", "project", name=name, **fields)

    def user(self, name: str, **fields: Any) -> str:
        return self.make("users", "user", **{"name": name, "password": PASSWORD, **fields})

    def group(self, name: str, *members: str, **fields: Any) -> str:
        group = self.make("groups", "group", name=name, **fields)
        for each in members:
            self.put(f"groups/{group}/users/{each}").raise_for_status()
        return group

    def role(self, name: str) -> str:
        """The id of a role that there is."""
        return str(self.get("roles", name=name).json()["roles"][0]["id"])

    def give(self, path: str, role: str = "member") -> None:
        """Gives a role: `projects/P/users/U`, `domains/D/groups/G`, `system/users/U`, or one that is inherited."""
        self.put(self.grant(path, role)).raise_for_status()

    def grant(self, path: str, role: str = "member") -> str:
        end = "/inherited_to_projects" if path.startswith("OS-INHERIT") else ""
        return f"{path}/roles/{self.role(role)}{end}"

    def log_in(self, user: str, scope: Any = None, password: str = PASSWORD) -> httpx.Response:
        """A user, by id, for a scope."""
        identity = {"methods": ["password"], "password": {"user": {"id": user, "password": password}}}
        auth = {"identity": identity, **({"scope": scope} if scope is not None else {})}
        return self.http.post(f"{ROOT}/auth/tokens", json={"auth": auth})

    def as_user(self, user: str, scope: Any = None) -> Identity:
        answer = self.log_in(user, scope)
        assert answer.status_code == 201, answer.text
        return Identity(self.server, answer.headers["x-subject-token"])


def on_project(project: str) -> dict[str, Any]:
    return {"project": {"id": project}}


def on_domain(domain: str) -> dict[str, Any]:
    return {"domain": {"id": domain}}


def names(answer: httpx.Response) -> list[str]:
    """The names of what a list holds."""
    [rows] = [value for key, value in answer.json().items() if key != "links"]
    return [row["name"] for row in rows]


def roles_of(answer: httpx.Response) -> set[str]:
    """The names of the roles of a token."""
    return {role["name"] for role in answer.json()["token"]["roles"]}
