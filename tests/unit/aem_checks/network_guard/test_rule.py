"""Which hosts and addresses does the gate's rule let through?"""

from __future__ import annotations

import pytest

from aem_checks.network_guard.rule import NotAllowed, Rule
from aem_checks.sites import SiteConfig

NOT_PUBLIC = (
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "192.0.0.8",
    "::ffff:192.0.0.8",
    "64:ff9b::192.0.0.8",
    "2001:0:808:808::f5ff:fffe",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "fec0::1",
    "3fff::1",
)
CLOSED = (
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "5f00::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::169.254.169.254",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1:0:a9:fea9:fe00:0",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808:0:0:5601:5601",
    "2001:0:a9fe:a9fe:0:0:f7f7:f7f7",
)


def rule(**settings: object) -> Rule:
    site = {
        "stage": "https://stage.wknd.site",
        "production": "https://www.wknd.site",
        "pages": ["/"],
        **settings,
    }
    return Rule.for_site(SiteConfig.model_validate(site))


def test_a_rule_is_what_urls_hosts_and_ports_say() -> None:
    """A host without a port of its own may be asked for http and https; a written port is that one alone."""
    read = Rule.of(
        ["https://A.example./x", "http://a.example:8443", "http://b.example:80", "https://c.example:4502"],
        ["d.example", "d.example:8080", "e.example:443", "*.f.example:80", "[::1]:81"],
        private=["https://A.example/x"],
    )
    usual = frozenset({80, 443})
    assert read == Rule(
        {
            "a.example": usual | {8443},
            "b.example": usual,
            "c.example": frozenset({4502}),
            "d.example": usual | {8080},
            "e.example": frozenset({443}),
            "*.f.example": frozenset({80}),
            "::1": frozenset({81}),
        },
        frozenset({"a.example"}),
    )
    assert Rule.of(["https://a.example"]) == Rule({"a.example": usual})


def test_a_site_is_asked_at_all_its_own_addresses_and_its_allowed_hosts() -> None:
    read = rule(
        stage={"url": "https://stage.wknd.site", "origin": "http://dispatcher.intern:8080", "private": True},
        author="https://author.wknd.site",
        allow_hosts=["fonts.example.com:443"],
    )
    usual = frozenset({80, 443})
    assert read == Rule(
        {
            "stage.wknd.site": usual,
            "dispatcher.intern": frozenset({8080}),
            "www.wknd.site": usual,
            "author.wknd.site": usual,
            "fonts.example.com": frozenset({443}),
        },
        frozenset({"stage.wknd.site", "dispatcher.intern"}),
    )


LONG = "a" * 250
"""A page may say what it likes; only so much of it is repeated."""


@pytest.mark.parametrize(
    ("host", "address", "says"),
    [
        ("b" * 250, "", "b{200}:443 is no address of this site, so .*, name it under 'allow_hosts'"),
        ("0" * 250 + ".1", "", "0{200} is another way to write 0.0.0.1, so .*the site's own name or address"),
        (LONG, "x" * 250, "a{200} resolves to 'x{80}', which is no IP address"),
        (LONG, "169.254.1.1", "a{200} resolves to 169.254.1.1, which is link-local.*correct the name's DNS"),
        (LONG, "10.0.0.1", "a{200} resolves to 10.0.0.1, which is no public .*, write 'private: true'"),
    ],
)
def test_each_refusal_names_the_host_and_what_to_do(host: str, address: str, says: str) -> None:
    named = Rule.of([], [LONG, "0" * 250 + ".1"])
    with pytest.raises(NotAllowed, match=f"^{says}"):
        named.require_address(host, address) if address else named.require_host(host, 443)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_must_not_lead_to_an_address_that_is_not_public(address: str) -> None:
    with pytest.raises(NotAllowed, match="private: true"):
        rule().require_address("stage.wknd.site", address)


@pytest.mark.parametrize(
    "address",
    ["151.101.1.195", "2a04:4e42::1", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_a_name_may_lead_to_a_public_address(address: str) -> None:
    rule().require_address("stage.wknd.site", address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_endpoint_that_says_so_may_be_at_a_private_address(address: str) -> None:
    private = rule(stage={"url": "https://stage.wknd.site", "private": True})
    private.require_address("stage.wknd.site", address)
    with pytest.raises(NotAllowed):
        private.require_address("www.wknd.site", address)


@pytest.mark.parametrize("address", CLOSED)
@pytest.mark.parametrize("private", [False, True])
def test_no_endpoint_is_at_the_metadata_service_of_a_cloud_or_at_no_host(address: str, private: bool) -> None:
    with pytest.raises(NotAllowed, match="whatever the gate file says"):
        rule(stage={"url": "https://stage.wknd.site", "private": private}).require_address(
            "stage.wknd.site", address
        )


def test_an_address_that_the_gate_file_names_itself_is_that_one_alone() -> None:
    named = rule(stage="http://127.0.0.1:4503", allow_hosts=["127.0.0.2:81"])
    named.require_address("127.0.0.1", "127.0.0.1")
    named.require_address("127.0.0.2", "127.0.0.2")
    with pytest.raises(NotAllowed):
        named.require_address("www.wknd.site", "127.0.0.1")


def test_localhost_is_this_machine_and_no_other() -> None:
    local = rule(stage="http://localhost:4503")
    local.require_address("localhost", "127.0.0.1")
    local.require_address("localhost", "::1")
    with pytest.raises(NotAllowed):
        local.require_address("localhost", "10.0.0.1")


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("stage.wknd.site", 443, True),
        ("stage.wknd.site", 80, True),
        ("STAGE.wknd.site.", 443, True),
        ("stage.wknd.site", 22, False),
        ("wknd.site", 443, False),
        ("evil-stage.wknd.site", 443, False),
        ("fonts.example.com", 443, True),
        ("a.tags.example.com", 443, True),
        ("a.b.tags.example.com", 80, True),
        ("tags.example.com", 443, False),
        ("xtags.example.com", 443, False),
        ("cdn.example.com", 8443, True),
        ("cdn.example.com", 443, False),
        ("127.0.0.1", 443, False),
        ("2130706433", 443, False),
        ("[::1]", 443, False),
        ("", 443, False),
    ],
)
def test_only_named_hosts_with_their_ports_are_contacted(host: str, port: int, allowed: bool) -> None:
    named = rule(allow_hosts=["fonts.example.com", "*.tags.example.com", "cdn.example.com:8443"])
    assert named.allows(host, port) is allowed


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://stage.wknd.site/us/en.html", True),
        ("wss://stage.wknd.site/live", True),
        ("ws://stage.wknd.site/live", True),
        ("http://stage.wknd.site/", True),
        ("https://stage.wknd.site:443/", True),
        ("ftp://stage.wknd.site/", False),
        ("//stage.wknd.site/", False),
        ("/us/en.html", False),
        ("", False),
        ("http://stage.wknd.site:8080/", False),
        ("https://user@evil.example/", False),
        ("data:text/html,x", False),
        ("http://[broken", False),
        ("https://stage.wknd.site:99999/", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_url_is_judged_by_its_host(url: str, allowed: bool) -> None:
    assert rule().allows_url(url) is allowed


def test_a_url_without_a_port_means_the_one_of_its_scheme() -> None:
    named = rule(allow_hosts=["plain.example:80", "tls.example:443"])
    for scheme in ("http", "ws"):
        assert named.allows_url(f"{scheme}://plain.example/")
        assert not named.allows_url(f"{scheme}://tls.example/")
        assert named.allows_url(f"{scheme}s://tls.example/")
        assert not named.allows_url(f"{scheme}s://plain.example/")


@pytest.mark.parametrize(
    "host", ["*", "*.com", "https://a.example", "a b.example", "", "a.example/x", "-a.example"]
)
def test_what_is_no_host_is_refused_in_the_gate_file(host: str) -> None:
    with pytest.raises(ValueError, match="allow_hosts"):
        rule(allow_hosts=[host])
