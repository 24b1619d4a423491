"""A6: is there a configuration placeholder that nothing has replaced, in a header, a page or JSON?

A missing variable leaves an OSGi placeholder such as ``$[env:NAME]`` literally in place (Adobe:
help/implementing/deploying/configuring-osgi), and Apache sends ``${NAME}`` in a header (KA-35965). JavaScript
writes templates as ``${NAME}`` too, so that counts only in headers, attributes and JSON values. Code samples
never count. It would have caught the header ``Access-Control-Allow-Origin: ${VAR_NAME}`` of an environment that
lacked the variable (KA-35965).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import NAMES
from aem_checks.markup import attributes_with, in_samples, json_strings, scripts
from aem_checks.outcomes import Finding, Judgement
from aem_checks.reach import unjudged
from aem_checks.response import HeldResponse
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.reading import Place
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_OSGI = re.compile(r"\$\[(?:env|secret|prop):[^\]\s\"'<>&]{0,80}\]?")
_APACHE = re.compile(r"\$\{[A-Z_][A-Z0-9_]{2,}\}")
_BRACES = re.compile(r"%7B%7B[^\s\"'<>&]{0,60}", re.IGNORECASE)
_TRACES = (b"$[env:", b"$[secret:", b"$[prop:", b"${", b"%7B%7B", b"%7b%7b")
_TEMPLATE_ATTRIBUTES = ("on", ":", "@", "v-", "x-", "ng-", "data-ng-", "data-bind", "[", "(", "*")


class PlaceholdersSettings(CheckSettings):
    ignore: Annotated[tuple[str, ...], NAMES] = ()
    """Placeholders that are content of this site, exactly as shown, for example ``${FIRST_NAME}``."""


class Hit(NamedTuple):
    placeholder: str
    place: str


class Placeholders(Check[PlaceholdersSettings]):
    kind = "placeholders"
    number = "A6"
    title = "No unresolved placeholders"
    targets = frozenset({"stage", "production"})
    codes = faults(unresolved="a configuration placeholder was not replaced by its value")
    reads_recording = True
    settings_type = PlaceholdersSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.reading import Place

        recording, findings = visit.recorded, list[Finding]()
        seen: dict[Hit, list[Place]] = {}
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, recording)
            for hop in page.hops:
                self._gather(hop, Place.of(hop, recording), seen)
        for resource in recording.resources.values():
            self._gather(HeldResponse.of(resource), Place.of(resource, recording), seen)
        findings += [_finding(hit, places) for hit, places in seen.items()]
        return Judgement(examined=sum(page.final.ok for page in recording.pages), findings=tuple(findings))

    def _gather(self, response: Response, place: Place, seen: dict[Hit, list[Place]]) -> None:
        for hit in dict.fromkeys(find_placeholders(response)):
            if hit.placeholder not in self.settings.ignore:
                seen.setdefault(hit, []).append(place)


def _finding(hit: Hit, places: list[Place]) -> Finding:
    url, evidence = places[0]
    more = f", and on {count(len(places) - 1, 'more URL')}" if len(places) > 1 else ""
    return Finding(
        code="unresolved",
        subject=url,
        sentence=f"{url} shows the unresolved placeholder {quoted(hit.placeholder)} in {hit.place}{more}; "
        "expected its value. To do: set the variable for this environment in Cloud Manager.",
        expected="the value of the variable",
        actual=hit.placeholder,
        evidence=evidence,
    )


def find_placeholders(response: Response) -> Iterator[Hit]:
    """Every unresolved placeholder in an answer, with the place where it is."""
    for name, value in response.headers.items():
        for pattern in (_OSGI, _APACHE, _BRACES):
            yield from (Hit(found, f"the header {quoted(name)}") for found in pattern.findall(value))
    if not any(trace in response.in_utf8 for trace in _TRACES):
        return
    if response.is_html:
        yield from _in_html(response)
    elif response.is_json:
        yield from (Hit(found, "its JSON") for found in _OSGI.findall(response.text))
        yield from _in_json(response.text, "a JSON value")
    elif response.content_type.startswith("text/") or "xml" in response.content_type or _is_script(response):
        yield from (Hit(found, "its text") for found in _OSGI.findall(response.text))


def _is_script(response: Response) -> bool:
    return "javascript" in response.content_type


def _in_html(response: Response) -> Iterator[Hit]:
    document, text = response.document, response.text
    for found in dict.fromkeys(_OSGI.findall(text)):
        if text.count(found) > in_samples(document, found):
            yield Hit(found, "the page")
    for attribute in attributes_with(document, "${", "%7b%7b"):
        if not attribute.name.startswith(_TEMPLATE_ATTRIBUTES):
            for pattern in (_APACHE, _BRACES):
                for found in pattern.findall(attribute.value):
                    yield Hit(found, f"the attribute {quoted(attribute.name)} of a <{attribute.tag}>")
    for script in scripts(document, of_json=True):
        yield from _in_json(script, "the JSON inside the page")


def _in_json(text: str, place: str) -> Iterator[Hit]:
    for value in json_strings(text):
        for pattern in (_APACHE, _BRACES):
            yield from (Hit(found, place) for found in pattern.findall(value))
