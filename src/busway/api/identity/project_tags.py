"""Tags of projects: words by which lists of projects are filtered."""

from __future__ import annotations

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.domains import TAGS
from busway.api.identity.projects import ROOT
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.identity import projects
from busway.domain.errors import BadInput, NotFound
from busway.domain.identity import MOST_TAGS, Project

_TAGS = Schema(closed({"tags": TAGS}, "tags"))


def _body(call: Call, project: Project) -> dict[str, object]:
    link = call.url(f"{ROOT}/{project.id}/tags")
    return {"tags": list(project.tags), "links": {"self": link, "next": None, "previous": None}}


def _list(call: Call) -> Reply:
    project = projects.get_project(call.control, call.caller, call.path["id"], call.rule)
    return Reply(_body(call, project))


def _check(call: Call) -> Reply:
    project = projects.get_project(call.control, call.caller, call.path["id"], call.rule)
    if call.path["tag"] not in project.tags:
        raise _no_tag(project, call.path["tag"])
    return NO_CONTENT


def _replace(call: Call) -> Reply:
    tags = tuple(call.body["tags"])
    changed = projects.change_tags(call.control, call.caller, call.path["id"], call.rule, lambda _known: tags)
    return Reply(_body(call, changed))


def _add(call: Call) -> Reply:
    tag = call.path["tag"]
    if "," in tag:
        raise BadInput(f"Tag '{tag}' has a comma", remedy="Choose another word.", code="project-tag")

    def added(known: tuple[str, ...]) -> tuple[str, ...]:
        if tag not in known and len(known) >= MOST_TAGS:
            raise BadInput(f"A project has at most {MOST_TAGS} tags", remedy="Take some away.", code="project-tag")
        return known if tag in known else (*known, tag)

    projects.change_tags(call.control, call.caller, call.path["id"], call.rule, added)
    link = call.url(f"{ROOT}/{call.path['id']}/tags/{tag}")
    return Reply(None, 201, {"Location": link})


def _delete(call: Call) -> Reply:
    tag = call.path["tag"]
    project = projects.get_project(call.control, call.caller, call.path["id"], call.rule)
    if tag not in project.tags:
        raise _no_tag(project, tag)
    projects.change_tags(
        call.control, call.caller, project.id, call.rule, lambda known: tuple(each for each in known if each != tag)
    )
    return NO_CONTENT


def _delete_all(call: Call) -> Reply:
    projects.change_tags(call.control, call.caller, call.path["id"], call.rule, lambda _known: ())
    return NO_CONTENT


def _no_tag(project: Project, tag: str) -> NotFound:
    return NotFound(f"Project {project.name} has no tag {tag}", code="project-tag-not-found")


_ALL, _ONE = f"{ROOT}/{{id}}/tags", f"{ROOT}/{{id}}/tags/{{tag}}"

OPERATIONS = (
    Operation("GET", _ALL, _list, rule="identity:list_project_tags", answer=answers.TAGS),
    Operation("PUT", _ALL, _replace, _TAGS, rule="identity:update_project_tags", answer=answers.TAGS),
    Operation("DELETE", _ALL, _delete_all, rule="identity:delete_project_tags"),
    Operation("GET", _ONE, _check, rule="identity:get_project_tag"),
    Operation("PUT", _ONE, _add, rule="identity:create_project_tag"),
    Operation("DELETE", _ONE, _delete, rule="identity:delete_project_tag"),
)
