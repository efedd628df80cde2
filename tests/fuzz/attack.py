"""Random requests made from the OpenAPI document, alone and in chains, and what no answer to them may be."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.errors import SchemathesisError
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi import checks
from starlette.datastructures import Headers

from busway.api import openapi
from busway.api.image.patch import PATCH_TYPE
from busway.api.microversion import COMPUTE, versioned
from tests.api.answers import breach

HANG_SECONDS = 30.0
_AT_ONCE = 8
_LEAST = 100  # requests, on a machine however busy
schemathesis.serializer.alias(PATCH_TYPE, "application/json")
_CHECKS = [checks.response_schema_conformance, checks.content_type_conformance]
_SETTINGS = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],
}


@dataclass
class Attack:
    """One caller's random requests at one microversion; `allowed` says whether this caller may succeed with a request.

    Every third request to a path with an id is about the thing of another project of that kind, by `foreign`: it may
    never succeed.
    """

    url: str
    headers: dict[str, str]
    version: int
    allowed: Callable[[str, str], bool] = lambda _method, _path: True
    foreign: Mapping[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)
    aimed: Iterator[int] = field(default_factory=itertools.count)

    def alone(self, deadline: float, seed: int = 0) -> None:
        """Requests that know nothing of each other: every operation in turn, with values that fit and that do not."""
        operations = [result.ok() for result in _schema(self.version).get_all_operations() if isinstance(result, Ok)]
        random.Random(seed).shuffle(operations)  # a short run does not begin with the same ones each time
        for turn in range(1_000_000):
            for number, operation in enumerate(operations):
                mode = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)[(turn + number) % 2]
                for case in _cases(operation, mode, seed + turn):
                    if time.monotonic() > deadline and self.answers.total() >= _LEAST:
                        return
                    self.send(case)

    def in_chains(self, deadline: float, seed: int = 0) -> None:
        """Requests that follow the links of answers: what one has made, the next ones are about."""
        attack = self

        class Machine(_schema(self.version).as_state_machine()):  # type: ignore[misc]
            def call(self, case: Case[Any], **_named: Any) -> Any:
                return attack.send(case)

            def validate_response(self, response: Any, case: Case[Any], **_named: Any) -> None:
                pass

        turn = 0
        while time.monotonic() < deadline:
            settings = hypothesis.settings(max_examples=1, stateful_step_count=12, **_SETTINGS)  # type: ignore[arg-type]
            # A cloud is not the same twice, which Hypothesis takes for a mistake in the values that it makes.
            with contextlib.suppress(hypothesis.errors.HypothesisException):
                hypothesis.seed(seed + turn)(Machine).run(settings=settings)
            turn += 1

    def send(self, case: Case[Any]) -> Any:
        """Sends one request and looks at its answer."""
        name = f"{case.method} {case.path}"
        is_foreign = self._aim(case)
        began = time.monotonic()
        try:
            answer = case.call(base_url=self.url, session=self.session, headers=self.headers, timeout=HANG_SECONDS)
        except (requests.Timeout, requests.ConnectionError) as error:
            self.failures.setdefault(f"{name}: no answer", f"{error!r} {_shown(case)}")
            raise
        self.answers[answer.status_code] += 1
        told = self._told(case, answer, time.monotonic() - began, is_foreign=is_foreign)
        if told:
            self.failures.setdefault(f"{name}: {told}", f"{_shown(case)} -> {answer.text[:300]}")
        return answer

    def _aim(self, case: Case[Any]) -> bool:
        """Points a request at another project's thing, every third time that there is one."""
        kind = case.path.partition("/{")[0].rpartition("/")[2]
        if "{id}" not in case.path or kind not in self.foreign or next(self.aimed) % 3:
            return False
        case.path_parameters = {**(case.path_parameters or {}), "id": self.foreign[kind]}
        return True

    def _told(self, case: Case[Any], answer: Any, seconds: float, *, is_foreign: bool = False) -> str:
        # 501 is what Busway refuses by name.
        if answer.status_code >= 500 and answer.status_code != 501:
            return f"{answer.status_code}"
        if seconds > HANG_SECONDS:
            return f"took {seconds:.0f} s"
        if answer.status_code < 300 and not self.allowed(case.method, case.path):
            return f"{answer.status_code} without the right"
        if answer.status_code < 300 and is_foreign:
            return f"{answer.status_code} for a thing of another project"
        if answer.status_code < 300 and (told := _breach(answer)):
            return f"breaks the schema of its answer: {told[:200]}"
        if answer.status_code < 300 and not answer.content:
            return ""  # schemathesis asks for a media type where an answer has no body
        if not self._is_of_document(answer):
            return ""
        try:
            case.validate_response(answer, checks=_CHECKS)
        except FailureGroup as error:
            return f"breaks the document: {str(error.exceptions[0])[:200]}"
        return ""

    def _is_of_document(self, answer: Any) -> bool:
        """False for an answer of another microversion, where a request that does not fit has left the header out."""
        service = versioned(unquote(urlsplit(answer.request.url).path))
        if service is None:
            return True
        wanted = self.version if service is COMPUTE else service.maximum
        return service.requested(Headers(dict(answer.request.headers))) == wanted


def _breach(answer: Any) -> str:
    headers = {name: values[0] for name, values in answer.headers.items()}
    return breach(answer.request.method, unquote(urlsplit(answer.request.url).path), headers, answer.content)


@cache
def _schema(version: int) -> Any:
    """The document as schemathesis reads it, which takes seconds."""
    return from_dict(_document(version))


def _document(version: int) -> dict[str, Any]:
    """The document without its security: every request carries what the attack says, and nothing that is made up."""
    made = openapi.document(version)
    del made["security"]
    for methods in made["paths"].values():
        for each in methods.values():
            each.pop("security", None)
    return made


def _cases(operation: Any, mode: GenerationMode, seed: int) -> list[Case[Any]]:
    """Some cases of an operation; none where no value breaks its schema."""
    found: list[Case[Any]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=_AT_ONCE, **_SETTINGS)  # type: ignore[arg-type]
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def collect(case: Case[Any]) -> None:
        found.append(case)

    with contextlib.suppress(hypothesis.errors.HypothesisException, SchemathesisError):
        collect()
    return found


def _shown(case: Case[Any]) -> str:
    return f"path={case.path_parameters} query={case.query} body={str(case.body)[:600]}"
