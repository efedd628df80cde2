"""The page of limits tells the numbers that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from busway.agent import qemu_img
from busway.api import body, bounds, operation, pace
from busway.api.compute import server_create
from busway.api.identity import attributes
from busway.bootstrap import bounded_protocol
from busway.control import pattern
from busway.control.identity import application_credentials, credentials, trusts
from busway.control.servers import questions
from busway.control.servers.create import MAX_AT_ONCE
from busway.domain import document_room, guest_cells, image, qcow2, quota
from busway.domain.identity import MOST_DEPTH, MOST_TAGS
from busway.domain.password_rules import MOST_REMEMBERED
from busway.domain.trust import MOST_REDELEGATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text()
MIB = 1024**2


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ("body", bounds.BODY_BYTES),
        ("body of aliases and device specs (admins)", bounds.LARGE_BODY_BYTES),
        ("time for a body that is read as a whole", int(body.BODY_SECONDS)),
        ("time for each MiB of a streamed body", int(body.PIECE_SECONDS)),
        ("query", bounds.QUERY_BYTES),
        ("values of a query, those between commas too", bounds.QUERY_VALUES),
        ("one part of a path", bounds.PATH_SEGMENT_CHARS),
        ("nesting of a body", bounds.MOST_DEEP),
        ("refused requests of an address without a valid token", pace.PER_SECOND),
        ("refused requests of an address without a valid token", pace.AT_ONCE),
        ("requests of one token, or of one address without a token, that are worked on at once", operation.SHARE),
        ("pattern of a filter", pattern.PATTERN_CHARS),
        ("time for a request's head, or for the first byte", int(bounded_protocol.HEAD_SECONDS)),
        ("size of a request's head", bounded_protocol.HEAD_BYTES),
        ("rest of a body after its answer", int(bounded_protocol.REST_SECONDS)),
        ("a reader that takes less than 48 KiB", int(bounded_protocol.READER_SECONDS)),
        ("tags", server_create.TAGS["maxItems"]),
        ("servers in one request", MAX_AT_ONCE),
        ("requests that wait for answers of hosts about guests", questions.MOST_WAITING),
        ("requests that wait for answers of hosts about guests", questions.MOST_OF_PROJECT),
        ("requests that wait for answers of hosts about guests", int(questions.ANSWER_SECONDS)),
        ("`hw_numa_nodes`, `hw:numa_nodes`", guest_cells.MOST_CELLS),
        ("a value of `hw_numa_cpus.N`", guest_cells.MOST_CHARS),
        ("properties", image.MOST_PROPERTIES),
        ("properties", image.PROPERTIES_CHARS),
        ("a qcow2's table of clusters", qcow2.MOST_L1_BYTES // MIB),
        ("metadata, user data, files and key together", document_room.TEXT_BYTES),
        ("servers of a host", document_room.SERVERS_PER_HOST),
        ("a server's part of its host's document (Desired)", document_room.SERVER_BYTES // 1024),
        ("the security groups in a host's document", document_room.GROUPS_BYTES // MIB),
        ("a report (Observed)", bounds.OBSERVED_BYTES),
        ("the uploaded end of a console's text", bounds.CONSOLE_BYTES),
        ("qemu-img", qemu_img.MAKE.cpu_seconds),
        ("qemu-img", qemu_img.FLATTEN_CPU_SECONDS),
        ("application credentials", application_credentials.MOST_PER_USER),
        ("access rules", application_credentials.MOST_RULES),
        ("credentials and access keys", credentials.MOST_PER_USER),
        ("trusts", trusts.MOST_PER_TRUSTOR),
        ("redelegations of a trust", MOST_REDELEGATIONS),
        ("remembered passwords", MOST_REMEMBERED),
        ("depth of projects below a domain", MOST_DEPTH),
        ("tags of a project", MOST_TAGS),
        ("attributes of your own, together", attributes.EXTRA_BYTES),
        *((f"`{name}`", limit) for name, limit in quota.DEFAULTS.items()),
    ],
)
def test_a_bound_has_the_number_that_the_page_tells(row: str, number: int) -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]

    numbers = re.findall(r"-?[0-9][0-9,]*", " ".join(lines))
    assert str(number) in [each.replace(",", "") for each in numbers]
