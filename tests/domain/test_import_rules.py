"""Where images may be fetched from: what the operator has named, by name and by address."""

import pytest

from busway.domain.errors import BadInput
from busway.domain.import_rules import ImportRules

RULES = ImportRules(hosts=("mirror.example", "10.9.0.0/24", "fd00::5"), ports=(80, 443, 8080))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://mirror.example/a/b.qcow2?x=1#part", ("http", "mirror.example", 80, "/a/b.qcow2?x=1")),
        ("https://MIRROR.example.", ("https", "mirror.example", 443, "/")),
        ("http://mirror.example:8080/a", ("http", "mirror.example", 8080, "/a")),
        ("http://10.9.0.7/a", ("http", "10.9.0.7", 80, "/a")),
        ("http://[fd00::5]:8080/a", ("http", "fd00::5", 8080, "/a")),
        ("http://[::ffff:10.9.0.7]/a", ("http", "::ffff:10.9.0.7", 80, "/a")),
    ],
)
def test_a_url_of_an_allowed_host_is_a_place(url: str, place: tuple[str, str, int, str]) -> None:
    found = RULES.check_url(url)

    assert (found.scheme, found.host, found.port, found.target) == place


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://mirror.example/a", "scheme"),
        ("http:///a", "host"),
        ("http://other.example/a", "host"),
        ("http://a.mirror.example/a", "host"),
        ("http://mirror.example.evil.example/a", "host"),
        ("http://mirror.example@evil.example/a", "user"),
        ("http://user:pw@mirror.example/a", "user"),
        ("http://10.9.1.7/a", "host"),
        ("http://0x0a090007/a", "host"),
        ("http://168361991/a", "host"),
        ("http://127.0.0.1/a", "host"),
        ("http://mirror.example:22/a", "port"),
        ("http://mirror.example:0/a", "port"),
        ("http://mirror.example:99999/a", "no URL"),
        ("http://[fd00::5/a", "no URL"),
    ],
)
def test_any_other_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        RULES.check_url(url)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "10.9.0.1", "fd00::5", "::ffff:10.9.0.1"])
def test_addresses_of_the_internet_and_named_ones_are_asked(address: str) -> None:
    RULES.check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "::",
        "10.9.1.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00::6",
        "fd00:ec2::254",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
        "::127.0.0.1",
        "no address",
    ],
)
def test_addresses_that_are_not_on_the_internet_are_refused(address: str) -> None:
    with pytest.raises(BadInput, match="not on the internet"):
        RULES.check_address(address)


def test_without_hosts_nothing_is_allowed() -> None:
    assert not ImportRules().allows_any
    assert RULES.allows_any
    with pytest.raises(BadInput, match="host"):
        ImportRules().check_url("http://mirror.example/a")
