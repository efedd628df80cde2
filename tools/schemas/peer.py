"""Nova's side: what its schemas of answers say of recorded ones.

Runs in the oracle's environment, which has no Busway. Since Nova 31 each operation has a schema of its answer for each range of
microversions (`validation.response_body_schema`), and Nova checks its own answers with them in its tests. As the first argument:

`ranges` prints a JSON object: for "METHOD /path action" of each operation, the first microversion of each of its schemas.
`check` reads recorded answers from standard input, one JSON object a line (see `tests/api/recorded.py`), and prints one line for
each: {"operation": "METHOD /path action", "since": the first microversion of the schema, "breach": what is wrong, "" for nothing};
operation is "" for a path that Nova has not.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

from nova.api.openstack.compute.routes import ROUTE_LIST  # type: ignore[import-not-found]
from nova.api.validation import validators  # type: ignore[import-not-found]
from nova.exception import ValidationError  # type: ignore[import-not-found]

Json = dict[str, Any]
_ACTION = "action"
_FIRST = 1


class Answer:
    """The schemas of one operation's answer: for each range of microversions one."""

    def __init__(self, name: str, function: Any) -> None:
        self.name = name
        kept = getattr(function, "response_body_schemas", None)
        self._schemas = [
            (least.ver_minor or _FIRST, most.ver_minor or sys.maxsize, schema)
            for schema, least, most in (kept._schemas if kept else ())
        ]

    def since(self) -> list[int]:
        """The first microversion of each schema."""
        return sorted(least for least, _, _ in self._schemas)

    def check(self, version: int, body: Any) -> tuple[int, str]:
        """The first microversion of the schema that holds, 0 for none, and what is wrong with a body, "" for nothing."""
        for least, most, schema in self._schemas:
            if least <= version <= most:
                try:
                    validators._SchemaValidator(schema, False, True).validate(body)
                except ValidationError as error:
                    return least, str(error)
                return least, ""
        return 0, ""


def operations() -> Iterator[tuple[str, str, dict[str, Answer]]]:
    """Method, path, and the answer of each action that a body may name ("" where there are no actions)."""
    for path, methods in ROUTE_LIST:
        if isinstance(methods, str):  # a redirection
            continue
        for method, (make, name) in methods.items():
            main, others = make.args
            if name == _ACTION:
                found = {
                    action: getattr(controller, function)
                    for controller in (main, *others)
                    for action, function in controller.wsgi_actions.items()
                }
            else:
                found = {"": getattr(main, name, None)}
            yield method, path, {each: Answer(f"{method} {path} {each}".strip(), found[each]) for each in found}


def main() -> int:
    """Answer until standard input ends."""
    logging.disable(logging.CRITICAL)
    known = sorted(operations(), key=lambda each: each[1].count("{"))  # servers/detail before servers/{id}
    if sys.argv[1] == "ranges":
        print(json.dumps({answer.name: answer.since() for _, _, answers in known for answer in answers.values()}))
        return 0
    patterns = [(method, _pattern(path), answers) for method, path, answers in known]
    for line in sys.stdin:
        recorded = json.loads(line)
        answer = _find(patterns, recorded)
        since, breach = answer.check(recorded["version"], recorded["body"]) if answer else (0, "")
        print(json.dumps({"operation": answer.name if answer else "", "since": since, "breach": breach}), flush=True)
    return 0


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path)))


def _find(patterns: list[tuple[str, re.Pattern[str], dict[str, Answer]]], recorded: Json) -> Answer | None:
    for method, pattern, answers in patterns:
        if method == recorded["method"] and pattern.fullmatch(recorded["path"]):
            return next((answers[each] for each in recorded["keys"] if each in answers), answers.get(""))
    return None


if __name__ == "__main__":
    sys.exit(main())
