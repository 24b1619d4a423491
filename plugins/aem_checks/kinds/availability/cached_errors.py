"""A4: does a cache keep answers that are errors?

It asks for addresses that nobody has asked for, a page, a client library, an asset and one at the root, each
twice and as a visitor does, and reads from ``Cache-Control``, ``Surrogate-Control`` and ``Expires`` how long an
error may be kept, and from ``Age`` and ``X-Cache`` whether it was. Errors among the recorded pages and libraries
are judged as well. Up to a minute is harmless; longer blocks, since an error of a minute then outlives its cause.
It would have caught the outage of 2019-09-06 of Adobe's Project Helix, where an internal error became a 404 that
the CDN kept until somebody purged it (status.project-helix.io, incident 75zr343mhrq0).

Not seen: a lifetime that the CDN sets by rules of its own and strips from the answer, unless the second answer
comes from its cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aem_checks.asks import Fresh, Get, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import above
from aem_checks.kinds.availability._lifetime import lifetime_of, was_kept
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import unreached
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath
from aem_checks.text import quoted
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_KEEPING = ("Cache-Control", "Surrogate-Control", "Expires", "Age", "X-Cache")
_OTHERS = ("/{}.html", "/etc.clientlibs/{}/clientlib-site.min.css", "/content/dam/{}.png")


class CachedErrorsSettings(CheckSettings):
    at_most: Annotated[Duration, above(timedelta(minutes=10))] = timedelta(seconds=60)
    """How long an error may be kept; a minute spares publish and is over before anybody is called."""
    under: tuple[PagePath, ...] = ()
    """Folders in which a page that cannot exist is asked; by default those of the site's pages, two at most."""


class Asked(NamedTuple):
    """An address that cannot exist: the same in each release, for people, and its answers in order."""

    subject: str
    answers: tuple[Response, ...]


class CachedErrors(Check[CachedErrorsSettings]):
    kind = "cached_errors"
    number = "A4"
    title = "Errors are not cached"
    targets = frozenset({"stage", "production"})
    codes = faults(
        kept_too_long="caches may keep an error for too long",
        kept_unknown_time="an error came from a cache, and nothing says for how long it is kept",
        no_error="no address that cannot exist answered with an error",
    )
    settings_type = CachedErrorsSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        asked = yield from together(_ask_twice(visit, place) for place in self._places(visit))
        missing: list[Finding] = []
        findings: list[Finding] = []
        examined = 0
        for subject, answers in (*asked, *_recorded(visit)):
            if (refused := unreached(answers[0], subject)) is not None:
                missing.append(_as_note(refused) if answers[0].status else refused)
            elif answers[0].status >= 400:
                examined += 1
                findings += self._look_at(subject, answers, visit)
        if not examined:
            refused = unreached(asked[0].answers[0], asked[0].subject)
            missing = [refused or _no_error(asked)]
        return Judgement(examined=examined, findings=shortened((*findings, *missing), severity=self.weight))

    def _places(self, visit: Visit) -> list[str]:
        folders = self.settings.under or tuple(
            dict.fromkeys(page.partition("?")[0].rpartition("/")[0] for page in visit.site.pages)
        )
        inside = [
            f"{folder.rstrip('/')}/{{}}.html" for folder in folders[: None if self.settings.under else 2]
        ]
        return list(dict.fromkeys((*inside, *_OTHERS)))

    def _look_at(self, subject: str, answers: tuple[Response, ...], visit: Visit) -> Iterator[Finding]:
        known = [seconds for each in answers if (seconds := lifetime_of(each.headers)) is not None]
        limit = self.settings.at_most.total_seconds()
        last = answers[-1]
        if known and max(known) > limit:
            longest = format_duration(timedelta(seconds=max(known)))
            actual = f"{longest} ({_shown(last)})"
            remedy = "send no Cache-Control with errors: 'expr=%{REQUEST_STATUS} < 400' in the virtual host"
            yield self._finding("kept_too_long", subject, last, actual, remedy, visit)
        elif not known and (kept := next((each for each in answers if was_kept(each.headers)), None)):
            actual = f"an unknown time: it came from a cache ({_shown(kept)})"
            remedy = "see which rule of the CDN keeps errors, and for how long"
            yield self._finding("kept_unknown_time", subject, kept, actual, remedy, visit, Severity.WARN)

    def _finding(
        self,
        code: str,
        subject: str,
        answer: Response,
        actual: str,
        remedy: str,
        visit: Visit,
        severity: Severity | None = None,
    ) -> Finding:
        expected = f"at most {format_duration(self.settings.at_most)}"
        proof = f"{answer.method} {answer.url}\nstatus {answer.status}\n{_shown(answer)}\n"
        return Finding(
            code=code,
            subject=subject,
            sentence=f"{subject} answers {answer.status}, and caches may keep that for {actual}; expected "
            f"{expected}. To do: {remedy}.",
            expected=expected,
            actual=actual,
            severity=severity,
            evidence=visit.keep(f"cached_errors/{answer.sha256[:16]}-{answer.status}.txt", proof),
        )


def _ask_twice(visit: Visit, place: str) -> Steps[Asked]:
    """Through all caches, as a visitor: the word is new, so the first answer comes from publish."""
    word = yield from ask(Fresh())
    url = visit.url(place.format(f"stage-gate-{word}"))
    first = yield from ask(Get(url, tries=2))
    answers = (first, (yield from ask(Get(url)))) if first.status >= 400 else (first,)
    return Asked(place.format("NO-SUCH-NAME"), answers)


def _recorded(visit: Visit) -> Iterator[Asked]:
    """Errors among what was recorded; what refuses the gate itself is judged elsewhere."""
    if visit.recording is None:
        return
    for response in visit.recording.responses:
        if response.error is None and (response.status in (404, 410) or response.status >= 500):
            path = plain_url(response.url).removeprefix(visit.recording.base_url)
            yield Asked(path, (response,))


def _shown(response: Response) -> str:
    told = [f"{name} {quoted(response.headers[name])}" for name in _KEEPING if name in response.headers]
    return ", ".join(told) or "no header says so"


def _as_note(refused: Finding) -> Finding:
    """One of several addresses is refused to the gate: the others were judged."""
    return refused.model_copy(update={"outcome": Outcome.PASSED})


def _no_error(asked: list[Asked]) -> Finding:
    status = asked[0].answers[0].status
    return Finding(
        code="no_error",
        subject="unknown pages",
        sentence=f"None of {len(asked)} addresses that cannot exist answered with an error (the first: status "
        f"{status}), so there was no error that a cache could keep. To do: see real_404.",
        expected="an error with status 404",
        actual=f"status {status}",
        outcome=Outcome.INCONCLUSIVE,
    )
