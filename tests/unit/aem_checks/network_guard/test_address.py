"""Is an address that nobody may ask known in every spelling, and is nothing else taken for one?"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aem_checks.checkout import Checkout
from aem_checks.network_guard.address import (
    closed_because,
    is_public,
    is_this_machine,
    parsed,
    plain_name,
    refused_spelling,
)
from aem_checks.network_guard.rule import NotAllowed, Rule
from aem_checks.sites import SiteConfig, base_url, check_host
from unit.aem_checks.network_guard.spellings import ELSEWHERE, METADATA, NUMBERS, WRAPPED, refused_hosts

REFUSED = st.sampled_from((METADATA, *ELSEWHERE)) | st.integers(0, 0xFFFF).map(
    lambda last: IPv4Address(0xA9FE0000 | last)
)
ANYWHERE = st.ip_addresses(v=4)


@pytest.mark.parametrize(("way", "host"), refused_hosts())
def test_a_refused_host_is_known_by_its_spelling(way: str, host: str) -> None:
    assert refused_spelling(host)


@pytest.mark.parametrize(
    "name",
    [
        *("metadata", "metadata.google.internal", "metadata.goog", "instance-data"),
        *("instance-data.ec2.internal", "metadata.azure.internal", "metadata.tencentyun.com"),
        "rancher-metadata",
    ],
)
def test_no_cloud_is_asked_for_credentials_by_a_name_that_only_a_proxy_resolves(name: str) -> None:
    assert refused_spelling(name) == "is the metadata service of a cloud"


@pytest.mark.parametrize(
    "address",
    [
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2:ffff::1"),
        *("fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1", "fd00:100::100:200"),
        *("::ffff:168.63.129.16", "64:ff9b:1::168.63.129.16", "64:ff9b:1:0:a8:3f81:1000:0"),
        *("64:ff9b:1:a8:3f:8110::", "64:ff9b:1:a83f:81:1000::"),
    ],
)
def test_no_cloud_is_asked_for_credentials_at_an_address_that_looks_like_any_other(address: str) -> None:
    """Outside of the link-local range, and inside of another address at each place where it can stand."""
    assert closed_because(ip_address(address)) == "the metadata service of a cloud"
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["fd00:42::43", "fd00:ec3::254", "168.63.129.17", "100.100.100.201"])
def test_the_neighbour_of_a_metadata_service_is_an_address_like_any_other(address: str) -> None:
    assert closed_because(ip_address(address)) == ""


@given(REFUSED, st.sampled_from(sorted(NUMBERS | WRAPPED)), st.booleans())
@example(METADATA, "three parts", True)
def test_no_spelling_of_a_refused_address_gets_past_the_rule(
    address: IPv4Address, way: str, private: bool
) -> None:
    host = (NUMBERS | WRAPPED)[way](address)
    url = f"http://{host}"
    rule = Rule.of([url], [host], private=[url] if private else [])
    with pytest.raises(NotAllowed):
        rule.require_host(host, 80)
    for named in ({"stage": {"url": url, "private": private}}, {"allow_hosts": [host]}):
        site = {"stage": "https://stage.wknd.site", "pages": ["/"], **named}
        with pytest.raises(ValueError, match=r"stage|allow_hosts"):
            SiteConfig.model_validate(site)


@given(REFUSED, st.sampled_from(sorted(WRAPPED)), st.booleans())
def test_no_name_may_lead_to_a_refused_address_inside_of_another(
    address: IPv4Address, way: str, private: bool
) -> None:
    url = "https://stage.wknd.site"
    rule = Rule.of([url], private=[url] if private else [])
    with pytest.raises(NotAllowed, match="whatever the gate file says"):
        rule.require_address("stage.wknd.site", WRAPPED[way](address).strip("[]"))


@given(ANYWHERE, st.sampled_from(sorted(NUMBERS)))
def test_what_the_resolver_takes_for_an_address_is_refused_unless_written_as_usual(
    address: IPv4Address, way: str
) -> None:
    """Whatever the address is: what a person reads is what is contacted."""
    host = NUMBERS[way](address)
    name = plain_name(host)
    assert socket.inet_aton(name) == address.packed
    if name != str(address):
        assert str(address) in refused_spelling(host)
    else:
        assert bool(refused_spelling(host)) is bool(closed_because(address))


@given(ANYWHERE)
def test_an_address_inside_of_another_is_as_public_as_it_is_by_itself(address: IPv4Address) -> None:
    mapped = ip_address(f"::ffff:{address}")
    assert is_public(mapped) is is_public(address)
    assert closed_because(mapped) == closed_because(address)


@given(st.ip_addresses())
@example(IPv4Address("168.63.129.16"))
@example(IPv4Address("224.0.1.1"))
def test_what_is_closed_is_never_public(address: IPv4Address) -> None:
    assert not (closed_because(address) and is_public(address))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Stage.WKND.site.", "stage.wknd.site"),
        ("www.müller.de", "www.xn--mller-kva.de"),
        ("[FD00:0::1]", "fd00::1"),
        ("[::FFFF:10.0.0.1]", "::ffff:a00:1"),
        ("１0.0.0.1", "10.0.0.1"),
        ("*.example.com", "*.example.com"),
        ("Xing.example.", "xing.example"),
        ("wknd..site.", "wknd..site"),
        ("Ü..Example.", "ü..example"),
        ("127.0.0.1%25eth0", "127.0.0.1%eth0"),
        ("", ""),
    ],
)
def test_a_host_is_compared_as_it_is_looked_up(host: str, name: str) -> None:
    assert plain_name(host) == name


@pytest.mark.parametrize(
    "host",
    [
        "www.wknd.site",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "10.1.2.3",
        "[fd00::1]",
        "8.8.8.8",
        "3com.example",
        "0x.example",
        "1.2.3.4.example",
        "metadata.wknd.site",
        "*.example.com",
    ],
)
def test_what_may_be_contacted_is_not_refused_for_its_spelling(host: str) -> None:
    assert refused_spelling(host) == ""


@pytest.mark.parametrize(
    "host",
    [
        *("999.1.1.1", "1.2.3.4.5", "wknd.0xzz.1", "stage.wknd.5", "[::x]", "256.0.0.1"),
        *("wknd\0.1", "ü..1", "wknd.0x", "wknd.0xff"),
    ],
)
def test_what_is_neither_address_nor_name_is_refused(host: str) -> None:
    assert refused_spelling(host) == "is neither an address nor a name"


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("0xa9fea9fe", "is another way to write 169.254.169.254"),
        ("127.1", "is another way to write 127.0.0.1"),
        ("169.254.1.1", "is link-local, where clouds hand out credentials"),
        ("[::ffff:169.254.1.1]", "is link-local, where clouds hand out credentials"),
        ("[ff02::1]", "is no address of one host"),
        ("224.0.0.1", "is no address of one host"),
        ("240.0.0.1", "is no address of one host"),
        ("0.0.0.0", "is no address of one host"),
    ],
)
def test_a_refused_spelling_is_told_with_what_it_means(host: str, why: str) -> None:
    assert refused_spelling(host) == why


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("127.evil.example", False),
        ("localhost.evil.example", False),
        ("127.1", False),
        ("10.0.0.1", False),
    ],
)
def test_this_machine_is_what_is_written_as_such(host: str, own: bool) -> None:
    assert is_this_machine(host) is own


def test_a_zone_is_no_other_address() -> None:
    assert str(parsed("fe80::1%eth0")) == "fe80::1"


@pytest.mark.parametrize(("way", "host"), refused_hosts())
def test_the_gate_file_can_not_name_a_refused_host(way: str, host: str) -> None:
    for url in (f"http://{host}", f"https://{host}:8443"):
        with pytest.raises(ValueError, match="so no gate contacts it"):
            base_url(url)
    with pytest.raises(ValueError, match=r"so no gate contacts it|is no host"):
        check_host(host)
    with pytest.raises(ValueError, match=r"repository"):
        Checkout(repository=f"https://{host}/wknd.git")


@pytest.mark.parametrize("host", ["*.254.169.254", "*.169.254", "*.metadata.google.internal"])
def test_no_wildcard_stands_for_addresses_or_for_what_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="so no gate contacts it"):
        check_host(host)


def test_a_wildcard_opens_no_metadata_service_below_it() -> None:
    rule = Rule.of([], ["*.google.internal", "*.internal"])
    rule.require_host("wknd.google.internal", 443)
    with pytest.raises(NotAllowed, match="metadata service"):
        rule.require_host("metadata.google.internal", 443)
