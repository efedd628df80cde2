"""What Keystone has and Busway does not have: its paths are 404, as those of an extension that is not loaded, with the reason."""

from __future__ import annotations

from collections.abc import Callable

from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.domain.errors import NotFound

ROOT = "/identity/v3"
_ALL = ("GET", "POST")
# By path: its methods, what it is called, why it is not there, and what to do.
_ABSENT: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "OS-OAUTH1/consumers": (
        _ALL, "OS-OAUTH1", "Application credentials and trusts do the same.", "Use one of these.",
    ),
    "policies": (_ALL, "policies", "No service reads them.", "See docs/how-to/rights.md: policy.yaml has the rules."),
    "OS-EP-FILTER/endpoint_groups": (
        _ALL, "OS-EP-FILTER", "A token shows the whole catalog.", "Disable what nobody is to see: openstack endpoint set --disable",
    ),
    "domains/config/default": (("GET",), "domain configuration", "Users are in Busway's own database.", "See [oidc]."),
    "domains/{id}/config": (
        ("GET", "PUT", "PATCH", "DELETE"), "domain configuration", "Users are in Busway's own database.", "See [oidc].",
    ),
}  # fmt: skip


def _refuse(path: str) -> Callable[[Call], Reply]:
    _methods, name, detail, remedy = _ABSENT[path]

    def refuse(_call: Call) -> Reply:
        raise NotFound(
            f"The resource could not be found: {name} is not loaded",
            detail=detail,
            remedy=remedy,
            code="extension-not-loaded",
        )

    return refuse


OPERATIONS = tuple(
    Operation(method, f"{ROOT}/{path}", _refuse(path), rule="identity:get_auth_catalog", reads_body=method != "GET")
    for path, known in _ABSENT.items()
    for method in known[0]
)
