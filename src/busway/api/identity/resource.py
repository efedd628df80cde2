"""A resource of identity, and the five operations that each has: list, create, show, update and delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import check_id
from busway.api.identity.listing import IN_DOMAIN, in_asked_domain, links, only
from busway.api.operation import Handler, Operation
from busway.api.schema import Definition, Schema
from busway.control.context import Control
from busway.domain.caller import Caller


class _Identified(Protocol):
    @property
    def id(self) -> str:
        """The id that paths and links have."""


T = TypeVar("T", bound=_Identified)
Make = Callable[[Call, dict[str, Any]], T]


@dataclass(frozen=True, slots=True)
class Resource(Generic[T]):
    """The things of one kind under the path `root`, such as the regions.

    `noun` is the key of a body with one of them, and with an "s" that of a list. `shape` is the schema of what `body`
    returns. Where `domain_of` is given, a request for one thing may name its domain: it is not found in another one.
    """

    noun: str
    root: str
    shape: Definition
    body: Callable[[Call, T], dict[str, object]]
    get: Callable[[Control, Caller, str], T]
    delete: Callable[[Control, Caller, str], None]
    domain_of: Callable[[T], str] | None = None
    kind: str = ""  # what errors call it, where that is not the noun

    def one(self, call: Call, thing: T, status: int = 200) -> Reply:
        """An answer with one thing."""
        return Reply({self.noun: self.body(call, thing)}, status)

    def many(self, call: Call, path: str, found: Sequence[T]) -> Reply:
        """An answer with a page of a list, and its links."""
        rows = [self.body(call, each) for each in found]
        return Reply({f"{self.noun}s": rows, "links": links(call, path, [each.id for each in found])})

    def created(self, create: Make[T]) -> Handler:
        """A handler that answers with what `create` makes of the attributes in the body."""
        return lambda call: self.one(call, create(call, dict(call.body[self.noun])), 201)

    def operations(
        self,
        find: Callable[[Call], Sequence[T]],
        create: Make[T],
        update: Make[T],
        *,
        query: Definition,
        bodies: tuple[Schema, Schema],
        hashes: bool = False,
    ) -> tuple[Operation, ...]:
        """The five operations, with the rules identity:list_NOUNs, create_NOUN, get_NOUN, update_NOUN and delete_NOUN.

        `find` reads the `query` of a list. `create` and `update` get the attributes in a body, which `bodies` check;
        `hashes` says that these two hash passwords.
        """

        def listed(call: Call) -> Reply:
            only(call, query)
            return self.many(call, self.root, find(call))

        def shown(call: Call) -> Reply:
            thing = self.get(call.control, call.caller, call.path["id"])
            if self.domain_of is not None:
                only(call, IN_DOMAIN)
                in_asked_domain(call, self.kind or self.noun, self.domain_of(thing))
            return self.one(call, thing)

        def updated(call: Call) -> Reply:
            given = dict(call.body[self.noun])
            check_id(given, call.path["id"])
            return self.one(call, update(call, given))

        def deleted(call: Call) -> Reply:
            self.delete(call.control, call.caller, call.path["id"])
            return NO_CONTENT

        one, noun = f"{self.root}/{{id}}", self.noun
        answer, several = wrap(noun, self.shape), answers.listed(f"{noun}s", self.shape)
        to_create, to_update = bodies
        in_domain = IN_DOMAIN if self.domain_of is not None else {}
        return (
            Operation("GET", self.root, listed, query=query, rule=f"identity:list_{noun}s", answer=several),
            Operation(
                "POST",
                self.root,
                self.created(create),
                to_create,
                rule=f"identity:create_{noun}",
                hashes=hashes,
                answer=answer,
            ),
            Operation("GET", one, shown, query=in_domain, rule=f"identity:get_{noun}", answer=answer),
            Operation("PATCH", one, updated, to_update, rule=f"identity:update_{noun}", hashes=hashes, answer=answer),
            Operation("DELETE", one, deleted, rule=f"identity:delete_{noun}"),
        )
