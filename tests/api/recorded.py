"""Records answers of the compute API for `make schemas`, which asks Nova's own schemas about them.

With `BUSWAY_ANSWERS` the answer of each success goes to a file of that folder, as a line of JSON: {"method", "path" under
/compute/v2.1, "version", "keys" of the request's body, "body"}. What was read is read again at each microversion at which Nova's
answer may change, which `boundaries.json` in the folder tells for "METHOD /path".
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from starlette.datastructures import Headers

from busway.api.microversion import COMPUTE, HEADER, MAXIMUM

VARIABLE = "BUSWAY_ANSWERS"
BOUNDARIES = "boundaries.json"
_PREFIX = "/compute/v2.1"
_AGAIN = 5  # so often, in a process, an operation is asked again at one microversion
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_asked: Counter[tuple[str, int]] = Counter()
_kept: set[str] = set()


def record(response: httpx.Response) -> Iterator[httpx.Response]:
    """Records an answer where that is wanted; yields those of the same request at other microversions, recorded too."""
    request = response.request
    if VARIABLE not in os.environ or not request.url.path.startswith(_PREFIX + "/"):
        return
    _keep(response)
    if request.method == "GET":
        for version in _others(request.url.path.removeprefix(_PREFIX)):
            headers = httpx.Headers(request.headers)
            headers[HEADER] = f"compute 2.{version}"
            again = httpx.get(request.url, headers=headers, timeout=30, verify=_NO_AUTHORITIES)
            if again.is_success:
                _keep(again)
                yield again


def _others(path: str) -> list[int]:
    for pattern, name, versions in _boundaries():
        if pattern.fullmatch(path):
            found = [each for each in versions if each <= MAXIMUM and _asked[name, each] < _AGAIN]
            _asked.update((name, each) for each in found)
            return found
    return []


@cache
def _boundaries() -> list[tuple[re.Pattern[str], str, list[int]]]:
    told: dict[str, list[int]] = json.loads((_folder() / BOUNDARIES).read_text())
    reads = {name.removeprefix("GET "): versions for name, versions in told.items() if name.startswith("GET ")}
    exact = sorted(reads, key=lambda path: path.count("{"))  # servers/detail before servers/{id}
    return [(re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path)), path, reads[path]) for path in exact]


def _keep(response: httpx.Response) -> None:
    response.read()
    request = response.request
    line = json.dumps(
        {
            "method": request.method,
            "path": request.url.path.removeprefix(_PREFIX),
            "version": COMPUTE.requested(Headers(request.headers)),
            "keys": _keys(request.content),
            "body": json.loads(response.content) if response.content else None,
        }
    )
    if line not in _kept:
        _kept.add(line)
        with (_folder() / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(line + "\n")


def _keys(body: bytes) -> list[str]:
    try:
        told: Any = json.loads(body)
    except ValueError:
        return []
    return list(told) if isinstance(told, dict) else []


def _folder() -> Path:
    return Path(os.environ[VARIABLE])
