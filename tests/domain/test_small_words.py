"""Small decisions of the domain: hashes, access rules, callers, key pairs and generations of GPUs."""

import base64

import pytest

from busway.domain.application_credential import AccessRule
from busway.domain.caller import Caller, Delegation
from busway.domain.errors import BadInput, Forbidden, TooLarge
from busway.domain.gpu_generation import generation_of
from busway.domain.ids import ProjectId, UserId
from busway.domain.image import Image, ImageStatus, check_name, check_properties
from busway.domain.image_hash import DEFAULT_HASH, unfit_hash
from busway.domain.keypair import SSH, X509, key_type, ssh_fingerprint
from busway.domain.text import some_of

CALLER = Caller(UserId("u"), "ann", ProjectId("p"), roles=frozenset({"member"}))
BLOB = b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + bytes(32)
KEY = f"ssh-ed25519 {base64.b64encode(BLOB).decode()} ann@home"


@pytest.mark.parametrize(("name", "words"), [("md5", "too weak"), ("shake_128", "not fixed"), ("crc32", "there is no")])
def test_a_hash_that_is_weak_or_unknown_is_unfit_with_its_reason(name: str, words: str) -> None:
    assert words in unfit_hash(name) and DEFAULT_HASH in unfit_hash(name)
    assert unfit_hash(DEFAULT_HASH) == ""


@pytest.mark.parametrize(
    ("pattern", "path", "permits"),
    [
        ("/v2.1/servers", "/v2.1/servers", True),
        ("/v2.1/servers", "/v2.1/servers/x", False),
        ("/v2.1/servers/{id}", "/v2.1/servers/x", True),
        ("/v2.1/*/x", "/v2.1/servers/x", True),
        ("/v2.1/**", "/v2.1/servers/x/y", True),
        ("/v2.1/**", "/v2.1", True),
        ("/**/x", "/a/b/x", True),
        ("/**/x", "/a/b/y", False),
        ("/a/**", "/b", False),
    ],
)
def test_an_access_rule_permits_the_paths_of_its_pattern(pattern: str, path: str, permits: bool) -> None:
    rule = AccessRule("r", "compute", "GET", pattern)
    assert rule.permits("compute", "get", path) is permits
    assert not rule.permits("image", "GET", path) and not rule.permits("compute", "POST", path)


@pytest.mark.parametrize(
    ("caller", "scope"),
    [
        (CALLER, "project"),
        (Caller(UserId("u"), "ann", ProjectId("")), ""),
        (Caller(UserId("u"), "ann", ProjectId(""), is_system=True), "system"),
        (Caller(UserId("u"), "ann", ProjectId(""), domain_id="d"), "domain"),
    ],
)
def test_a_token_is_for_one_scope_or_none(caller: Caller, scope: str) -> None:
    assert caller.scope == scope


def test_a_caller_sees_its_project_and_an_admin_all() -> None:
    assert CALLER.may_see(ProjectId("p")) and not CALLER.may_see(ProjectId("q"))
    assert not Caller(UserId("u"), "ann", ProjectId("")).may_see(ProjectId(""))
    assert Caller(UserId("u"), "ann", ProjectId(""), roles=frozenset({"admin"})).may_see(ProjectId("q"))


def test_a_delegated_caller_names_its_credential_and_a_trust_only_where_it_is_one() -> None:
    assert (CALLER.credential_id, CALLER.trust_id) == (None, None)
    for is_trust, trust in ((False, None), (True, "c")):
        delegation = Delegation("c", False, None, is_trust=is_trust)
        caller = Caller(UserId("u"), "ann", ProjectId("p"), delegation=delegation)
        assert (caller.credential_id, caller.trust_id) == ("c", trust)


def test_a_public_key_has_the_fingerprint_that_novas_clients_show() -> None:
    assert len(ssh_fingerprint(KEY).split(":")) == 16
    assert [key_type(each) for each in (KEY, "-----BEGIN CERTIFICATE-----\n")] == [SSH, X509]


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 !!!", KEY.replace("ssh-ed25519 ", "ssh-rsa ")])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        ssh_fingerprint(text)
    assert refused.value.code == "invalid-public-key"


@pytest.mark.parametrize(
    ("ids", "generation"),
    [
        (("10de", "20b5"), "ampere"),
        (("10de", "2330"), "hopper"),
        (("1002", "74a1"), "cdna3"),
        (("10de", "0001"), None),
        (("1002", "0001"), None),
        (("8086", "20b5"), None),
        (("10de", "gpu"), None),
    ],
)
def test_a_gpu_is_of_the_generation_of_its_ids(ids: tuple[str, str], generation: str | None) -> None:
    assert generation_of(*ids) == generation


def image(**fields: object) -> Image:
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Image("i", "i", ImageStatus.ACTIVE, ProjectId("q"), now, now, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"properties": {str(n): "" for n in range(129)}}, TooLarge),
        ({"tags": tuple(str(n) for n in range(129))}, TooLarge),
        ({"tags": ("x" * 256,)}, BadInput),
        ({"properties": {"x" * 256: ""}}, BadInput),
        ({"properties": {"x": "y" * 65_535}}, TooLarge),
    ],
)
def test_an_image_has_bounds_on_properties_and_tags(fields: dict[str, object], error: type[Exception]) -> None:
    check_properties(image(properties={"a": "b"}, tags=("t",)))
    with pytest.raises(error):
        check_properties(image(**fields))


def test_names_of_the_image_service_are_not_for_users() -> None:
    check_name("os_distro")
    with pytest.raises(Forbidden):
        check_name("os_glance_importing")


def test_public_and_community_images_are_for_everybody() -> None:
    seen = [image(visibility=each).is_visible_to(CALLER) for each in ("public", "community", "shared", "private")]
    assert seen == [True, True, False, False]


@pytest.mark.parametrize(("count", "words"), [(0, ""), (1, "a"), (2, "a, b"), (3, "a, b and 1 more")])
def test_a_message_names_the_first_of_many(count: int, words: str) -> None:
    assert some_of("abc"[:count], 2) == words
