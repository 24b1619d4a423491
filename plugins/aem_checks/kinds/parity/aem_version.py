"""K1: does stage run the AEM release, with the feature toggles, that production runs?

Both publishes are asked for ``/etc.clientlibs/toggles.json``; where that does not name the AEM release, Cloud Manager's
newest restore points of both environments do. The month of the release has to be the same, since code that was tested
on another month's AEM was not tested. Another build of the same month, and toggles that only one of them has, are
warnings. Where the site shows which Java runs it, both have to run the same: environments may choose Java 25 from November 2026
on and have it from June 2027 on (Adobe's release notes), and may differ meanwhile. Neither AEM nor Cloud Manager's public
API tells that by itself.

It would have caught an update of production that failed: Adobe then takes stage back to the release before
(help/implementing/deploying/aem-version-updates of Adobe's documentation), and code meets an AEM that it was never
tested on.

While Adobe updates the environments one after the other, the difference is real and passes within hours: test again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from aem_checks.asks import Fact, Get, ask, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.kinds.parity._java import compare_java
from aem_checks.kinds.parity._no_production import no_production
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.sites import Marker
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

FACT = "aem_release"
PATH = "/etc.clientlibs/toggles.json"
_RELEASE = re.compile(r"(\d{4})\.(\d{1,2})\.\S{1,100}")
_MOST = 10_000


class JavaShown(Marker):
    """Where a page shows the version of Java, such as ``25.0.1``.

    The first group of ``pattern`` is the version, looked for in ``header``, else in the content of the HTML element
    ``<meta name=...>`` named by ``meta``, else in the whole body.
    """

    called = "java"


class AemVersionSettings(CheckSettings):
    """Which toggles may differ."""

    ignore_toggles: Annotated[tuple[str, ...], PATTERNS] = ()
    """Names of toggles that only one of the environments is meant to have."""
    java: JavaShown | None = None
    """Where the site shows the version of Java that it runs on, at the same place on both; nothing is said of Java without."""


class Told(NamedTuple):
    """What one publish says of itself."""

    toggles: frozenset[str]
    release: str


class AemVersion(Check[AemVersionSettings]):
    """Compares AEM release and toggles of both environments."""

    kind = "aem_version"
    number = "K1"
    title = "Stage runs the AEM release of production"
    severity = Severity.WARN
    codes = faults(
        release="stage and production run AEM releases of different months",
        build="stage and production run different builds of one AEM release",
        toggles="a feature toggle is on for one of the two only",
        release_unknown="a note: nobody says which AEM release runs",
        toggles_unread="an environment does not list its toggles",
        java="stage and production run on different versions of Java",
        java_unread="an environment does not show its version of Java where it should",
    )
    settings_type = AemVersionSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        production = visit.site.production
        if production is None:
            return Judgement(examined=0, findings=(no_production(self.kind, visit.site.name),))
        here, there = yield from ask_all(
            Get(url + PATH, tries=3, past_caches=True) for url in (visit.site.stage.url, production.url)
        )
        stage, live = _told(here), _told(there)
        fact = yield from ask(Fact(FACT))
        releases = _known(stage, live, fact if isinstance(fact, Mapping) else {})
        findings = [*_releases(*releases)]
        if stage is not None and live is not None:
            findings += self._toggles(stage.toggles, live.toggles)
        else:
            findings += _not_told(visit, here, there)
        examined = int(all(releases)) + int(stage is not None and live is not None)
        if self.settings.java is not None:
            differing = yield from compare_java(self.settings.java, visit.site.stage.url, production.url)
            examined, findings = examined + 1, [*findings, *differing]
        return Judgement(examined=examined, findings=tuple(findings))

    def _toggles(self, stage: frozenset[str], production: frozenset[str]) -> Iterator[Finding]:
        for where, other, names in (
            ("stage", "production", stage - production),
            ("production", "stage", production - stage),
        ):
            only = sorted(names - set(self.settings.ignore_toggles))
            if only:
                shown = ", ".join(quoted(name) for name in only[:5])
                yield Finding(
                    code="toggles",
                    subject=f"toggles only on {where}",
                    sentence=f"{count(len(only), 'toggle')} of AEM, such as {shown}, is on for {where} and off for "
                    f"{other}: AEM itself behaves otherwise there. To do: ask Adobe's support to align them, or list "
                    "them under 'ignore_toggles:'.",
                    expected=f"the same toggles as {other}",
                    actual=f"also {', '.join(only)[:300]}",
                    severity=Severity.WARN,
                )


def _told(response: Response) -> Told | None:
    """The toggles of a good answer."""
    if response.status != 200 or is_unreached(response):
        return None
    try:
        value = json.loads(response.text)
    except (ValueError, RecursionError):
        return None
    names = value.get("enabled") if isinstance(value, dict) else None
    if not isinstance(names, list) or len(names) > _MOST:
        return None
    release = value.get("release")
    return Told(frozenset(str(name)[:200] for name in names), release if isinstance(release, str) else "")


def _known(stage: Told | None, production: Told | None, fact: Mapping[str, Any]) -> tuple[str, str]:
    """The releases of both by the same source: their own word, else Cloud Manager's."""
    if stage is not None and production is not None and stage.release and production.release:
        return stage.release, production.release
    return str(fact.get("stage") or ""), str(fact.get("production") or "")


def _releases(stage: str, production: str) -> Iterator[Finding]:
    if not stage or not production:
        lacking = " and ".join(
            name for name, told in (("stage", stage), ("production", production)) if not told
        )
        yield Finding(
            code="release_unknown",
            subject="AEM release",
            sentence=f"The AEM release of {lacking} is not known, so only the toggles say whether both run the same.",
            outcome=Outcome.PASSED,
        )
        return
    if stage == production:
        return
    months = [_RELEASE.fullmatch(release) for release in (stage, production)]
    same_month = bool(months[0] and months[1] and months[0].groups() == months[1].groups())
    yield Finding(
        code="build" if same_month else "release",
        subject="AEM release",
        sentence=f"Stage runs AEM {quoted(stage)} and production {quoted(production)}: the release was not tested on the "
        "AEM that it will run on. To do: wait until Adobe's update has reached both environments, then test again.",
        expected=f"AEM {production}",
        actual=f"AEM {stage}",
        severity=Severity.WARN if same_month else Severity.BLOCK,
    )


def _not_told(visit: Visit, stage: Response, production: Response) -> Iterator[Finding]:
    assert visit.site.production is not None
    for name, response in (("stage", stage), ("production", production)):
        if _told(response) is None:
            missing = unreached(response, f"{PATH} of {name}")
            yield missing or Finding(
                code="toggles_unread",
                subject=f"{PATH} of {name}",
                sentence=f"{PATH} of {name} does not list AEM's toggles ({describe(response)}), so they were not compared. "
                "To do: allow /etc.clientlibs/* in the dispatcher's filters, as Adobe's default does.",
                expected="a JSON object with the list 'enabled'",
                actual=describe(response),
                outcome=Outcome.INCONCLUSIVE,
                cause=Cause.PRODUCT,
            )
