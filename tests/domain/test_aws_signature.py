"""Signatures with access keys: those of AWS's own examples hold, and what was changed or is old does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from busway.domain.aws_signature import SignedRequest, check_signature, check_string
from busway.domain.errors import BadInput, NotAuthenticated

# AWS, "Signature Version 4 signing process": GET of iam.amazonaws.com, 2015-08-30.
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNED = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SCOPE = "20150830/us-east-1/iam/aws4_request"
NAMES = "content-type;host;x-amz-date"
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{SCOPE}, SignedHeaders={NAMES}, Signature={SIGNATURE}"
HEADERS = {
    "authorization": AUTHORIZATION,
    "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    "x-amz-date": "20150830T123600Z",
}
REQUEST = SignedRequest(
    "AKIDEXAMPLE",
    SIGNATURE,
    "GET",
    "iam.amazonaws.com",
    "/",
    {"Action": "ListUsers", "Version": "2010-05-08"},
    HEADERS,
)
TEXT = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{SCOPE}\nf536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
# AWS, "Signature Version 2": DescribeJobFlows, whose published signature is this one.
SECOND = SignedRequest(
    "AKIAIOSFODNN7EXAMPLE",
    "i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=",
    "GET",
    "elasticmapreduce.amazonaws.com",
    "/",
    {
        "AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "Action": "DescribeJobFlows",
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": "2011-10-03T15:19:30",
        "Version": "2009-03-31",
    },
)
SECOND_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SECOND_SIGNED = datetime(2011, 10, 3, 15, 19, 30, tzinfo=UTC)


def test_the_published_signatures_hold_for_a_quarter_of_an_hour() -> None:
    for minutes in (-15, 0, 15):
        check_signature(REQUEST, SECRET, SIGNED + timedelta(minutes=minutes))
        check_string(TEXT.encode(), SIGNATURE, SECRET, SIGNED + timedelta(minutes=minutes))
        check_signature(SECOND, SECOND_SECRET, SECOND_SIGNED + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_an_old_or_an_early_signature_is_refused(minutes: int) -> None:
    with pytest.raises(NotAuthenticated):
        check_signature(REQUEST, SECRET, SIGNED + timedelta(minutes=minutes))
    with pytest.raises(NotAuthenticated):
        check_string(TEXT.encode(), SIGNATURE, SECRET, SIGNED + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "POST"},
        {"host": "other"},
        {"path": "/other"},
        {"params": {"Action": "DeleteUser", "Version": "2010-05-08"}},
        {"headers": {**HEADERS, "content-type": "text/plain"}},
        {"body_hash": "0" * 64},
        {"access": "OTHER"},
        {"signature": "0" * 64},
        {"headers": {**HEADERS, "x-amz-date": "20150831T123600Z"}},
        {"headers": {**HEADERS, "x-amz-date": "20150830"}},
        {"headers": {**HEADERS, "authorization": AUTHORIZATION.replace("host;", "")}},
        {"headers": {**HEADERS, "authorization": AUTHORIZATION.replace("aws4_request", "aws4")}},
    ],
)
def test_a_request_that_is_not_the_signed_one_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        check_signature(replace(REQUEST, **fields), SECRET, SIGNED)
    assert refused.value.code == "ec2-signature"


def test_another_secret_makes_another_signature() -> None:
    for request, now in ((REQUEST, SIGNED), (SECOND, SECOND_SIGNED)):
        with pytest.raises(NotAuthenticated):
            check_signature(request, "other", now)
    with pytest.raises(NotAuthenticated):
        check_string(TEXT.encode(), SIGNATURE, "other", SIGNED)


@pytest.mark.parametrize("params", [{}, {"SignatureVersion": "1"}, {**SECOND.params, "SignatureMethod": "HmacSHA1"}])
def test_an_older_form_is_refused_as_one(params: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refused:
        check_signature(replace(SECOND, params=params), SECOND_SECRET, SECOND_SIGNED)
    assert refused.value.code == "ec2-signature-form"


@pytest.mark.parametrize("text", ["", "AWS4-HMAC-SHA256\nx", TEXT.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")])
def test_a_text_that_is_not_one_of_version_4_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        check_string(text.encode(), SIGNATURE, SECRET, SIGNED)
