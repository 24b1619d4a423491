"""N1: does every page load the right tags, of the right environment, and have its data layer?

Each page is opened in Chromium. The scripts that it really loads must include one for every entry of ``tags``, with
the text that stands there for this target. The data layer must be there as a list with at least one entry. A library
of Adobe's tag manager that names another environment (``-development`` anywhere, ``-staging`` on production) is told
even where it is not listed. What hides a page until a test tool has answered must be gone in the end.

It would have caught Adobe KA-30388, where a failed installation left pages without ``adobeDataLayer``, and the usual
slip of publishing the embed code of staging.

It does not know what a tag then sends. Hosts of tag managers must be under ``allow_hosts``, else their scripts are
asked for but not loaded; asking is enough here. Known false alarm: tags that wait for consent (name the button in
``accept``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from aem_checks.browser.asks import DataLayer, Open, PageSeen, Value
from aem_checks.browser.check import BrowserCheck, BrowserSettings, Unjudged, each_page, judged
from aem_checks.codes import faults
from aem_checks.excuses import switch
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.sites import Target
    from aem_checks.visit import Visit

_LAUNCH = re.compile(r"/launch-[A-Za-z0-9]+(?P<environment>-development|-staging)?(?:\.min)?\.js")
_HIDDEN = """(() => {
  const style = getComputedStyle(document.body ?? document.documentElement);
  const marks = ['at-body-style', 'alloy-prehiding', 'async-hide-style'];
  return style.opacity === '0' || style.visibility === 'hidden' || style.display === 'none'
    || document.documentElement.classList.contains('async-hide') || marks.some(id => document.getElementById(id));
})()"""


class Tag(BaseModel):
    """A script that every page has to load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    """For people: ``Launch``."""
    stage: str = Field(min_length=1)
    """Part of the script's URL on stage: ``launch-EN0a1b-staging.min.js``."""
    production: str = Field(min_length=1)
    """Part of the script's URL on production: ``launch-EN0a1b.min.js``."""

    def on(self, target: Target) -> str:
        return self.stage if target == "stage" else self.production


class TagsSettings(BrowserSettings):
    """What has to be there."""

    tags: tuple[Tag, ...] = ()
    """Scripts that every page loads, each with its URL on stage and on production."""
    data_layer: Annotated[str, switch("")] = Field(default="adobeDataLayer", pattern=r"^[A-Za-z_$][\w$]*$|^$")
    """Name of the global variable of the data layer; AEM's Core Components use the default. Empty for none."""
    beacon: str = ""
    """Part of the URL of the page view that is counted, such as ``/b/ss/``; each page sends exactly one. Empty for
    any number."""
    accept: str = ""
    """CSS selector of the button that gives consent, where tags wait for it. Empty where they do not."""

    def judges_nothing(self) -> str:
        left = self.tags or self.data_layer or self.beacon
        return "" if left else "no 'tags', no 'beacon' and an empty 'data_layer'"


class Tags(BrowserCheck[TagsSettings]):
    """Opens each page and looks at which scripts it asks for."""

    kind = "tags"
    number = "N1"
    title = "Tags and data layer"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the names of your tag managers' scripts on stage and on production"
    codes = faults(
        missing="a page does not load a tag of this environment",
        wrong_environment="a page loads the tag manager's library of another environment",
        data_layer="a page has no data layer, or an empty one",
        hidden="a page is still hidden after loading",
        page_views="a page sends no page view, or several",
        no_button="a page shows no button to give consent with",
    )
    settings_type = TagsSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        layer = (DataLayer(self.settings.data_layer),) if self.settings.data_layer else ()
        questions = [
            Open(path, looks=(Value(_HIDDEN), *layer), click=self.settings.accept)
            for path in self.paths(visit)
        ]
        looked = yield from each_page(
            questions, lambda asked, seen: list(self._found(visit, asked, seen)), lost=Severity.BLOCK
        )
        findings = [
            finding for each in looked for finding in (each.findings if isinstance(each, Unjudged) else each)
        ]
        return Judgement(examined=len(judged(looked)), findings=shortened(findings, severity=self.weight))

    def _found(self, visit: Visit, asked: Open, seen: PageSeen) -> Iterator[Finding]:
        if not seen.clicked:
            yield _no_button(asked.path, self.settings.accept)
        hidden, *layer = seen.looks
        urls = [each.url for each in seen.traffic().requests]
        length = layer[0] if layer else None
        yield from self._judge(asked.path, visit.target, urls, length, hidden=bool(hidden))

    def _judge(
        self, path: str, target: Target, urls: list[str], layer: int | None, *, hidden: bool
    ) -> Iterator[Finding]:
        told = self.settings
        for tag in told.tags:
            if not any(tag.on(target) in url for url in urls):
                yield _missing(path, tag, target, urls)
        for url in dict.fromkeys(urls):
            if (finding := _wrong_environment(path, url, target)) is not None:
                yield finding
        if told.data_layer and not layer:
            yield _no_layer(path, told.data_layer, layer)
        if hidden:
            yield _still_hidden(path)
        if told.beacon and (sent := sum(told.beacon in url for url in urls)) != 1:
            yield _page_views(path, told.beacon, sent)


def _wrong_environment(path: str, url: str, target: Target) -> Finding | None:
    found = _LAUNCH.search(url)
    environment = (found["environment"] or "").lstrip("-") if found else ""
    if not environment or (environment == "staging" and target == "stage"):
        return None
    return Finding(
        code="wrong_environment",
        subject=f"{path} {environment} library",
        sentence=(
            f"{path} on {target} loads the tag manager's library of {environment}: {quoted(plain_url(url))}. "
            f"To do: correct the embed code of {target}'s cloud configuration."
        ),
        expected=f"the library of {'staging' if target == 'stage' else 'production'}",
        actual=environment,
        severity=Severity.BLOCK if target == "production" else Severity.WARN,
    )


def _missing(path: str, tag: Tag, target: Target, urls: list[str]) -> Finding:
    other = tag.production if target == "stage" else tag.stage
    instead = " It loads the one of the other environment." if any(other in url for url in urls) else ""
    wanted = tag.on(target)
    mismatch = bool(instead) and target == "stage" and wanted not in other
    return Finding(
        code="missing",
        subject=f"{path} {tag.name}",
        sentence=(
            f"{path} does not load {tag.name} of {target}: no request for {quoted(wanted)}.{instead} "
            f"To do: check the page's template and the cloud configuration of {target}."
        ),
        expected=f"a request for {wanted[:120]}",
        actual="the other environment's" if instead else "none",
        severity=Severity.WARN if mismatch else Severity.BLOCK,
    )


def _no_layer(path: str, name: str, length: int | None) -> Finding:
    actual = "is missing" if length is None else "is empty"
    return Finding(
        code="data_layer",
        subject=f"{path} {name}",
        sentence=(
            f"The data layer {name} of {path} {actual} after loading. To do: check that the Core Components' data "
            "layer is switched on in this environment's context-aware configuration."
        ),
        expected="a list with at least one entry",
        actual=actual.removeprefix("is "),
        severity=Severity.BLOCK,
    )


def _still_hidden(path: str) -> Finding:
    return Finding(
        code="hidden",
        subject=f"{path} hidden",
        sentence=(
            f"{path} is still hidden after loading: what hides a page until a test tool answers was not removed. "
            "To do: check the tool's library and its time limit."
        ),
        expected="a page that can be seen",
        actual="hidden",
        severity=Severity.BLOCK,
    )


def _page_views(path: str, beacon: str, sent: int) -> Finding:
    return Finding(
        code="page_views",
        subject=f"{path} page view",
        sentence=f"{path} sends {sent} page views ({quoted(beacon)}) while it loads; expected exactly one.",
        expected="1 page view",
        actual=str(sent),
        severity=Severity.BLOCK if not sent else Severity.WARN,
    )


def _no_button(path: str, selector: str) -> Finding:
    return Finding(
        code="no_button",
        subject=f"{path} accept",
        sentence=(
            f"{path} shows no button {quoted(selector)} to give consent with, so tags that wait for it were not seen. "
            "To do: correct 'accept'."
        ),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        severity=Severity.BLOCK,
    )
