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
    "host", ["999.1.1.1", "1.2.3.4.5", "wknd.0xzz.1", "stage.wknd.5", "[::x]", "256.0.0.1"]
)
def test_what_is_neither_address_nor_name_is_refused(host: str) -> None:
    assert "neither" in refused_spelling(host)


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
