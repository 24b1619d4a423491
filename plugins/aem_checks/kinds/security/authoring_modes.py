"""B3: does publish show pages as authors see them, when a visitor asks for it by a parameter?

Pages are asked with ``?wcmmode=edit``, ``?wcmmode=preview`` and ``?debug=layout``. The answer has to be none (404, as
the dispatcher's filter gives it) or the plain page. It fails where the answer has marks of the authoring
interface that the plain page lacks, or elements in another order. It would have caught dispatchers without the
filter rules against these parameters that Adobe's security checklist tests for
(AdobeDocs/experience-manager-dispatcher.en, security-checklist).

Texts and values are not compared, only elements and their classes, and a page whose two plain answers differ in
these is judged by the marks alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import without
from aem_checks.kinds.security._pages import fresh, real_pages
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_MARKS = re.compile(
    r"<cq\s|data-cq-(?:data-path|component|editor)|class=\"[^\"]{0,300}\bcq-(?:Editable|Overlay|placeholder|dd-)"
    r"|/libs/cq/gui/components/authoring|/libs/granite/author|cq\.authoring\.|CQ\.WCM\.|cq-texthint-placeholder",
    re.IGNORECASE,
)
_MODES = ("wcmmode=edit", "wcmmode=preview", "debug=layout")
_MOST_ELEMENTS = 50_000


class AuthoringModesSettings(CheckSettings):
    pages: int = Field(default=3, ge=1, le=50)
    """How many of the site's pages are asked in each mode; the rule is the same for all."""
    parameters: Annotated[tuple[str, ...], without(*_MODES)] = Field(default=_MODES, min_length=1)
    """The parameters, as they stand behind the question mark."""


class AuthoringModes(Check[AuthoringModesSettings]):
    kind = "authoring_modes"
    number = "B3"
    title = "Authoring modes are closed"
    targets = frozenset({"stage", "production"})
    codes = faults(
        error="an authoring parameter makes publish fail",
        authoring_page="an authoring parameter gives what only authors should get",
        other_elements="an authoring parameter gives a page of other elements",
    )
    settings_type = AuthoringModesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        pages = (yield from real_pages(visit, self.settings.pages)) or [visit.site.pages[0]]
        rounds = yield from together(self._page(visit, page) for page in pages)
        findings = tuple(finding for _, found in rounds for finding in found)
        return Judgement(examined=sum(examined for examined, _ in rounds), findings=findings)

    def _page(self, visit: Visit, page: str) -> Steps[tuple[int, list[Finding]]]:
        plain = yield from fresh(visit, page)
        if (missing := unreached(plain, page)) is not None:
            return 0, [missing]
        if not plain.ok:
            return 0, [_no_plain_page(page, plain)]
        examined, findings = 0, []
        for parameter in self.settings.parameters:
            path = f"{page}?{parameter}"
            shown = yield from fresh(visit, path)
            if not shown.answered or shown.error is not None:
                findings.append(unreached(shown, path) or _no_plain_page(path, shown))
                continue
            examined += 1
            found = yield from self._look_at(visit, path, page, plain, shown)
            findings += [found] if found else []
        return examined, findings

    def _look_at(
        self, visit: Visit, path: str, page: str, plain: Response, shown: Response
    ) -> Steps[Finding | None]:
        if shown.status >= 500:
            actual = describe(shown)
            return _finding("error", visit, path, shown, actual, "see the error log", Severity.WARN)
        if not shown.ok or shown.sha256 == plain.sha256:
            return None
        marks = {found.group().lower() for found in _MARKS.finditer(plain.text)}
        new = next((each for each in _MARKS.finditer(shown.text) if each.group().lower() not in marks), None)
        if new is not None:
            actual = f"a page with {quoted(new.group(), 80)}, which only authors should get"
            return _finding("authoring_page", visit, path, shown, actual, _REMEDY)
        again = yield from fresh(visit, page)
        if (
            is_unreached(again)
            or _skeleton(again) != _skeleton(plain)
            or _skeleton(shown) == _skeleton(plain)
        ):
            return None
        actual = f"a page of other elements than without it ({len(shown.body)} bytes, not {len(plain.body)})"
        return _finding("other_elements", visit, path, shown, actual, _REMEDY)


_REMEDY = "deny the parameter in the dispatcher's filter, as Adobe's default filters do"


def _skeleton(response: Response) -> list[tuple[str | None, str | None]]:
    """Elements and their classes in the order of the page, the first 50,000."""
    nodes = zip(range(_MOST_ELEMENTS), response.document.css("*"), strict=False)
    return [(node.tag, node.attributes.get("class")) for _, node in nodes]


def _finding(
    code: str,
    visit: Visit,
    path: str,
    shown: Response,
    actual: str,
    remedy: str,
    severity: Severity | None = None,
) -> Finding:
    return Finding(
        code=code,
        subject=path,
        sentence=f"{path} gives {actual}; expected status 404 or the plain page. To do: {remedy}.",
        expected="status 404 or the plain page",
        actual=actual,
        severity=severity,
        evidence=visit.keep(f"authoring_modes/{shown.sha256[:16]}.html", shown.body),
    )


def _no_plain_page(path: str, response: Response) -> Finding:
    actual = describe(response)
    return Finding(
        code="not_judged",
        subject=path,
        sentence=f"{path} answers with {actual}, so there is no plain page to compare with. To do: see key_pages.",
        expected="status 200",
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
    )
