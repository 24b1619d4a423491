"""A7: does a page lead visitors to a host that only exists inside, such as localhost or AEM author?

Adobe's externalizer falls back to ``localhost:4502`` where an environment variable is missing
(help/implementing/developing/tools/externalizer), and a missing setting once gave ``https://undefined/...``
(aem-core-wcm-components issue 2791). It would have caught both before a visitor's browser looked for such a
host. Only what a browser acts on counts: attributes, JSON, XML and redirects. Prose and code samples that
mention localhost do not, nor does a link that shows the address as its own text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.markup import Attribute, attributes_with, json_strings, scripts
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.reach import unjudged
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.reading import Place
    from aem_checks.recording import Recording
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_URL = re.compile(
    r"""(?:https?(?::|%3A)(?:\\?/|%2F){2}|(?<=["'=(])//|^//)(\[[0-9a-f:]+\](?::\d+)?|[a-z0-9_.-]+(?::\d+)?)""",
    re.IGNORECASE,
)
_HOST = re.compile(r"\[[0-9a-f:]+\](?::\d+)?|[a-z0-9_.-]+(?::\d+)?", re.IGNORECASE)
_LONGEST_HOST = 260
_AUTHOR = re.compile(r"author-p\d+-e\d+(?:-[a-z0-9-]+)?\.adobeaemcloud\.com")
_OTHER_AEM = re.compile(r"(?:publish|preview)-p\d+-e\d+(?:-[a-z0-9-]+)?\.adobeaemcloud\.com")
_INSIDE = (".local", ".localhost", ".internal", ".intranet", ".lan", ".corp", ".cluster.local", ".svc")
_PROSE = frozenset({"alt", "title", "aria-label", "placeholder", "value", "label", "summary"})
_PROSE_META = ("description", "keywords", "title")
_HEADERS = ("Location", "Content-Location", "Link", "Refresh")
_SELF = ('link[rel~="canonical" i][href]', 'meta[property="og:url" i][content]')


class HostLeaksSettings(CheckSettings):
    allow: Annotated[tuple[str, ...], PATTERNS] = ()
    """Hosts that may appear although they look internal, without port."""


class Wrong(NamedTuple):
    """Why visitors can't use a host, and how grave that is."""

    code: str
    what: str
    severity: Severity | None = None


class Leak(NamedTuple):
    host: str
    wrong: Wrong
    place: str
    severity: Severity | None


class HostLeaks(Check[HostLeaksSettings]):
    kind = "host_leaks"
    number = "A7"
    title = "No internal hosts in pages"
    targets = frozenset({"stage", "production"})
    codes = faults(
        unset_host="an address has no host, since a setting has no value",
        author_host="a page leads visitors to AEM author",
        internal_host="a page leads visitors to a host that only exists inside",
        stage_host="a page of production names stage, or one of stage names itself as its own address",
        other_environment="a page leads to another AEM environment",
    )
    reads_recording = True
    settings_type = HostLeaksSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.reading import Place

        recording, findings = visit.recorded, list[Finding]()
        hosts = _Hosts(recording, frozenset(host.lower() for host in self.settings.allow))
        seen: dict[Leak, list[Place]] = {}
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, recording)
            for hop in page.hops:
                for leak in dict.fromkeys(find_leaks(hop, hosts)):
                    seen.setdefault(leak, []).append(Place.of(hop, recording))
        findings += [_finding(leak, places) for leak, places in seen.items()]
        return Judgement(examined=sum(page.final.ok for page in recording.pages), findings=tuple(findings))


class _Hosts:
    """Tells what is wrong with a host, seen from one recording."""

    def __init__(self, recording: Recording, allowed: frozenset[str]) -> None:
        self._own, self._other = recording.hosts, recording.other_hosts
        self._target, self._allowed = recording.target, allowed

    @property
    def names_itself(self) -> frozenset[str]:
        """Hosts that a page of stage names as its own address: right here, wrong on production."""
        return self._own - self._allowed if self._target == "stage" else frozenset()

    def wrong(self, host: str) -> Wrong | None:
        """What is wrong with it; ``None`` for a host that visitors can use."""
        name = _without_port(host)
        if name in self._allowed or host in self._own:
            return None
        if host in self._other:
            return Wrong("stage_host", "a host of stage") if self._target == "production" else None
        if (inside := internal(name)) is not None:
            return inside
        if _OTHER_AEM.fullmatch(name):
            return Wrong("other_environment", "another AEM environment", Severity.WARN)
        return None


def internal(name: str) -> Wrong | None:
    """What an internal host is; ``None`` for any other. ``name`` has no port."""
    if name in {"undefined", "null", "none"}:
        return Wrong("unset_host", "a setting without a value")
    if name == "localhost" or name.endswith(".localhost"):
        return Wrong("internal_host", "the machine itself")
    if _AUTHOR.fullmatch(name):
        return Wrong("author_host", "AEM author")
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        inside = name.endswith(_INSIDE) or ("." not in name and name != "")
        return Wrong("internal_host", "an internal host") if inside else None
    private = address.is_private or address.is_unspecified
    return Wrong("internal_host", "an internal address") if private else None


def find_leaks(response: Response, hosts: _Hosts) -> Iterator[Leak]:
    """Every internal host in an answer that a browser would act on."""
    for name in _HEADERS:
        for value in response.headers.getall(name, []):
            yield from _leaks(value, f"the header {name}", hosts)
    if response.is_html:
        if any(hosts.wrong(host) for host in _after_slashes(response.text)):
            yield from _in_html(response, hosts)
        yield from _own_address(response, hosts)
    elif response.is_json:
        for value in json_strings(response.text):
            yield from _leaks(value, "a JSON value", hosts)
    elif "xml" in response.content_type:
        yield from _leaks(response.text, "the XML", hosts)


def _in_html(response: Response, hosts: _Hosts) -> Iterator[Leak]:
    document = response.document
    for attribute in attributes_with(document, "//", "%2f%2f", "\\/\\/"):
        if not _is_prose(attribute):
            yield from _leaks(attribute.value, f"{attribute.name} of a <{attribute.tag}>", hosts)
    for script in scripts(document, of_json=True):
        for value in json_strings(script):
            yield from _leaks(value, "the JSON inside the page", hosts)
    for script in scripts(document, of_json=False):
        for leak in _leaks(script, "an inline script", hosts):
            yield leak._replace(severity=Severity.WARN)


def _is_prose(attribute: Attribute) -> bool:
    """Whether an attribute is read by people, or is a link that shows its own address as its text."""
    if attribute.name in _PROSE:
        return True
    if attribute.tag == "meta":
        given = attribute.node.attributes
        name = (given.get("name") or given.get("property") or "").lower()
        return name.endswith(_PROSE_META)
    if attribute.tag == "a" and attribute.name == "href":
        text = attribute.node.text().lower()
        return any(host in text for host in _hosts_in(attribute.value))
    return False


def _own_address(response: Response, hosts: _Hosts) -> Iterator[Leak]:
    if not any(host in response.text for host in hosts.names_itself):
        return
    for selector in _SELF:
        for node in response.document.css(selector):
            value = node.attributes.get("href") or node.attributes.get("content") or ""
            for host in _hosts_in(value):
                if host in hosts.names_itself:
                    itself = Wrong("stage_host", "a host of stage")
                    yield Leak(host, itself, "canonical or og:url", Severity.WARN)


def _leaks(text: str, place: str, hosts: _Hosts) -> Iterator[Leak]:
    for host in _hosts_in(text):
        if wrong := hosts.wrong(host):
            yield Leak(host, wrong, place, wrong.severity)


def _hosts_in(text: str) -> set[str]:
    return {found.lower().rstrip(".") for found in _URL.findall(text)}


def _after_slashes(text: str) -> set[str]:
    """All that may be a host in a page: quickly, and rather too many than too few."""
    pieces = text.split("//")[1:]
    for mark in ("\\/\\/", "%2F%2F", "%2f%2f"):
        if mark in text:
            pieces += text.split(mark)[1:]
    starts = {piece[:_LONGEST_HOST] for piece in pieces}
    return {found.group().lower().rstrip(".") for start in starts if (found := _HOST.match(start))}


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() and not host.endswith("]") else host


def _finding(leak: Leak, places: list[Place]) -> Finding:
    url, evidence = places[0]
    more = f", and on {count(len(places) - 1, 'more page')}" if len(places) > 1 else ""
    return Finding(
        code=leak.wrong.code,
        subject=url,
        sentence=f"{url} names {quoted(leak.host)}, {leak.wrong.what}, in {leak.place}{more}; "
        "expected a host that visitors can use. To do: see the externalizer's and the component's settings.",
        expected="a host that visitors can use",
        actual=leak.host,
        severity=leak.severity,
        evidence=evidence,
    )
