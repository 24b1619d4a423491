"""What a site may write where an address belongs, and what is wrong with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aem_checks.urls import fault_of, host_of, is_address, join, parts_of

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.example.com", "www.example.com"),
        ("HTTPS://WWW.Example.com?x=1", "www.example.com"),
        ("https://user:secret@www.example.com/a", "www.example.com"),
        ("https://user:secret@www.example.com:8443/a#b", "www.example.com:8443"),
        ("http://www.example.com:80/", "www.example.com"),
        ("http://www.example.com:/", "www.example.com"),
        ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
        ("http://my_host.example./", "my_host.example."),
        ("https://bücher.example/", "bücher.example"),
    ],
)
def test_a_good_address(url: str, host: str) -> None:
    assert (fault_of(url), is_address(url), host_of(url)) == ("", True, host)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://$[env:DOMAIN]/x", "names the host $[env:DOMAIN], a placeholder that nothing replaced"),
        ("https://${DOMAIN}/x", "names the host ${DOMAIN}, a placeholder that nothing replaced"),
        ("https://{{ host }}/x", "names the host {{ host }}, a placeholder that nothing replaced"),
        ("https://%7Bhost%7D/x", "names the host %7Bhost%7D, a placeholder that nothing replaced"),
        ("https://__HOST__/x", "names the host __HOST__, a placeholder that nothing replaced"),
        ("https://<host>/x", "names the host <host>, a placeholder that nothing replaced"),
        ("http://[", "names the host [, which is none"),
        ("https://[zz/x", "names the host [zz, which is none"),
        ("https://a b/x", "names the host a b, which is none"),
        ("https://a..b/x", "names the host a..b, which is none"),
        (f"https://{'a' * 64}.example/", f"names the host {'a' * 64}.example, which is none"),
        ("https:///us/en.html", "names no host"),
        ("https:// /us/en.html", "names no host"),
        ("https://:443/us/en.html", "names no host"),
        ("https://user@/us/en.html", "names no host"),
        ("https://www.example.com:99999/", "names the port 99999, which is none"),
        ("https://www.example.com:http/", "names the port http, which is none"),
        ("https:www.example.com/", "is no http address"),
        ("/us/en.html", "is no http address"),
        ("mailto:a@example.com", "is no http address"),
        ("", "is no http address"),
    ],
)
def test_what_is_wrong_with_an_address(url: str, fault: str) -> None:
    assert (fault_of(url), is_address(url)) == (fault, False)


@pytest.mark.parametrize(
    "url", ["https://$[env:DOMAIN]/a/b?c#d", "https://[/a/b?c#d", "https://h:99999/a/b?c#d"]
)
def test_what_cannot_be_asked_has_its_parts_all_the_same(url: str) -> None:
    parts = parts_of(url)
    assert (parts.scheme, parts.path, parts.query, parts.fragment) == ("https", "/a/b", "c", "d")
    assert parts.geturl() == url
    assert host_of(url) == ""


def test_what_cannot_be_joined_stays_as_it_was_written() -> None:
    assert join("https://a.example/x/y", " https://$[env:B]/z ") == "https://$[env:B]/z"
    assert join("https://a.example/x/y", "https:///z") == "https:///z"
    assert join("https://a.example/x/y", " z ") == "https://a.example/x/z"


@given(some.text(), some.text(alphabet="htps:/[]{}$@#?%.\\ \t\n9x"))
def test_any_text_at_all_can_be_read(base: str, written: str) -> None:
    for text in (base, written, f"https://{written}", join(f"https://{base}", written), join(base, written)):
        parts = parts_of(text)
        assert isinstance(parts.port, int | None)
        assert isinstance(parts.hostname, str | None)
        assert not fault_of(text) or fault_of(text).split()[0] in ("is", "names")
        assert isinstance(host_of(text), str)


OF_SETTINGS = {
    "aem_checks/access.py": "hosts that an access names",
    "aem_checks/browser/browser.py": "",
    "aem_checks/checkout.py": "the repository that a gate file names",
    "aem_checks/network_guard/forward_proxy.py": "what Chromium asks it for",
    "aem_checks/network_guard/outer_proxy.py": "the machine's own proxy",
    "aem_checks/network_guard/rule.py": "",
    "aem_checks/rehearsing.py": "what a check asks in its author's test",
    "aem_checks/sites.py": "what a gate file names",
    "aem_checks/urls.py": "the one reading",
    "stage_gate/commands/doctor.py": "what a gate file names",
    "stage_gate/commands/site_probe.py": "what somebody typed",
    "stage_gate/configuration/connection_use.py": "the deployment's own",
    "stage_gate/configuration/settings.py": "the deployment's own",
    "stage_gate/observing/exposed_routes.py": "the deployment's own",
    "stage_gate/rules/candidate.py": "the deployment's own",
}
"""Modules that read addresses which no site wrote, or that refuse every one they can't read."""


def test_text_of_a_site_is_read_in_one_place_only() -> None:
    readers = {"urljoin", "urlsplit", "urlparse"}
    found = set()
    for package in ("aem_checks", "stage_gate"):
        for path in (PLUGINS / package).rglob("*.py"):
            names = {
                alias.name
                for node in ast.walk(ast.parse(path.read_bytes()))
                if isinstance(node, ast.ImportFrom | ast.Import)
                for alias in node.names
            }
            if names & readers:
                found.add(path.relative_to(PLUGINS).as_posix())
    assert found <= OF_SETTINGS.keys()
