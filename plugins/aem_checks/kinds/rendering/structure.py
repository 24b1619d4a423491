"""D2: does every page have its parts, and nothing that only an author or a developer should see?

Each recorded page has to have a header, a navigation, a main part and a footer, and the components that the
gate file expects of its template or path. It must not show placeholders of the page editor
(``cq-placeholder``, ``data-emptytext``), texts of a script that broke off, or an experience fragment with
nothing in it. It would have caught the preview that had neither templates nor experience fragments, so that its
pages came without header and footer (Adobe KA-24147). What was so at the last approved release too is only a
warning. It does not see whether a part looks right: that is ``visual``, nor what a script makes: a page that shows nothing
by itself, or whose header or main part waits for a script, has no answer until ``parts`` leaves out what is so. Campaign
pages without the usual parts are false alarms until they are named under ``exempt``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PATHS, without
from aem_checks.markup import above, in_sample
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

    from aem_checks.asks import Steps
    from aem_checks.reading import ReadPage
    from aem_checks.recording import Page, Recording
    from aem_checks.visit import Visit

Part = Literal["header", "nav", "main", "footer"]
_ROLES = {"header": "banner", "nav": "navigation", "main": "main", "footer": "contentinfo"}
_EDITOR = ".cq-placeholder, [data-emptytext]"
_FRAGMENTS = ".cmp-experiencefragment, .xf-content-height"
_SHOWN = "img, svg, picture, video, audio, iframe, object, canvas, input, button, select, textarea, a[href]"
_UNSEEN = frozenset({"script", "style", "noscript", "template"})
_MOST_OF_A_SHELL = 60
_SHORTEST_PAGE = 100
"""Elements, and characters of text, of a page that waits for a script to make it."""
_BROKEN = re.compile(
    r"Cannot serve request to /[^<]{0,80}|Resource dumped by [\w.]{1,80}"
    r"|No renderer for extension \w{1,20}, cannot render[^<]{0,60}|Error during include of (?:component )?[/'\"][^<]{0,80}"
    r"|(?:org\.apache\.sling\.[\w.]{1,80}|\bSightly|\bScriptEvaluation)Exception: [^<]{0,60}"
    r"|(?:\bCaused by: |\bException in thread [^<]{1,60} )(?:\w{1,60}\.){1,12}\w{1,60}(?:Exception|Error)\b"
    r"|\bat (?:[\w$.@-]{1,60}/)?(?:[\w$]{1,60}\.){1,12}[\w$<>]{1,60}"
    r"\((?:[\w$]{1,60}\.(?:java|groovy|kt|scala|html):\d+|Native Method|Unknown Source)\)"
)
"""What Sling and its script engines write into a page when a component breaks off, and lines of Java's stack traces: the
name of an exception alone is a word that somebody may write about."""
_TRACES = (
    b"Exception",
    b"Caused by: ",
    *(b".java:", b".groovy:", b".kt:", b".scala:", b".html:", b"Native Method", b"Unknown Source"),
    b"Cannot serve",
    b"Resource dumped",
    b"No renderer",
    b"Error during",
)
_MOST_TRACES = 20


class StructureSettings(CheckSettings):
    parts: Annotated[tuple[Part, ...], without(*_ROLES)] = ("header", "nav", "main", "footer")
    """What every page has, as an element or as an ARIA role."""
    expected: dict[str, tuple[str, ...]] = Field(default={})
    """CSS selectors that a page has to match, by the template's name (``<meta name="template">``) or by a path
    such as ``/us/en/*``."""
    exempt: Annotated[tuple[str, ...], PATHS] = ()
    """Paths of pages without the usual parts, such as ``/us/en/campaign/*``."""

    @field_validator("expected")
    @classmethod
    def _selectors_can_be_read(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for selector in dict.fromkeys(each for selectors in value.values() for each in selectors):
            _check_selector(selector)
        return value


def _check_selector(selector: str) -> None:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        LexborHTMLParser("<p></p>").css(selector)
    except SelectolaxError:
        raise ValueError(
            f"{selector!r} is no CSS selector; write it like .cmp-teaser or main [data-cmp-is=carousel]"
        ) from None


class Problem(NamedTuple):
    """One thing that is wrong with a page; ``part`` names it the same way at every release."""

    code: str
    part: str
    expected: str
    actual: str
    remedy: str
    is_failure: bool = True
    """Otherwise nobody can tell."""


class Structure(Check[StructureSettings]):
    kind = "structure"
    number = "D2"
    title = "Pages have their parts"
    targets = frozenset({"stage", "production"})
    codes = faults(
        part_missing="a page lacks its header, navigation, main part or footer",
        made_by_script="a page leaves its parts to a script, so they can't be seen in its HTML",
        element_missing="a page lacks an element that the gate file expects of it",
        editor_placeholder="a page shows placeholders of the page editor",
        script_error="a page shows the text of a script that broke off",
        empty_fragment="an experience fragment has nothing in it",
        never_looked_for="no recorded page has the template or path of an expectation",
    )
    reads_recording = True
    settings_type = StructureSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording = visit.recorded
        not_judged, findings, seen = list[Finding](), list[Finding](), dict[str, None]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            not_judged += unjudged(page, recording)
            if page.is_good:
                seen |= dict.fromkeys(_fitting(page, self.settings))
                findings += _findings(page, recording, self.settings)
        findings = [*not_judged, *findings, *_never_looked_for(seen, self.settings)]
        return Judgement(
            examined=len(recording.good_pages), findings=shortened(findings, severity=self.weight)
        )


def _findings(page: ReadPage, recording: Recording, settings: StructureSettings) -> Iterator[Finding]:
    problems = list(find_problems(page, settings))
    before = page.before if problems else None
    known = {problem.part for problem in find_problems(before, settings)} if before else set()
    for problem in problems:
        yield _finding(page, problem, recording, known=problem.part in known)


def find_problems(page: Page, settings: StructureSettings) -> Iterator[Problem]:
    """What is missing on a page, and what should not be there."""
    document = page.final.document
    if not any(fnmatchcase(page.path, pattern) for pattern in settings.exempt):
        yield from _lacking(document, settings)
    for selector in dict.fromkeys(_expected_of(page, settings)):
        if document.css_first(selector) is None:
            yield Problem(
                "element_missing",
                selector,
                f"an element {selector}",
                "has none",
                "see component, policy and content of the page",
            )
    yield from _of_the_editor(document)
    yield from _broken_off(page)
    yield from _empty_fragments(document)


def _lacking(document: LexborHTMLParser, settings: StructureSettings) -> Iterator[Problem]:
    """The parts that it lacks, or that nobody can tell which those are."""
    parts = {part: _of_part(document, part) for part in settings.parts}
    missing = [part for part, found in parts.items() if not found]
    empty = {part for part, found in parts.items() if found and all(map(_is_empty, found))}
    is_shell = missing and len(missing) + len(empty) == len(parts) and _shows_nothing(document)
    waits = "main" in empty or (missing == ["nav"] and "header" in empty)
    if (is_shell or waits) and document.css_first("script[src]") is not None:
        yield _MADE_BY_SCRIPT
    else:
        yield from (_missing(part, "no") for part in missing)
        yield from (_missing(part, "nothing in its") for part in empty & {"main"})


def _of_part(document: LexborHTMLParser, part: Part) -> list[LexborNode]:
    return document.css(f"{part}, [role={_ROLES[part]}]")


def _shows_nothing(document: LexborHTMLParser) -> bool:
    """Whether nothing of the page but a word or two is seen before its scripts run."""
    nodes = document.css("body, body *")
    if len(nodes) > _MOST_OF_A_SHELL or any(map(_is_seen, document.css(_SHOWN))):
        return False
    return (
        sum(len((node.text(deep=False) or "").strip()) for node in filter(_is_seen, nodes)) <= _SHORTEST_PAGE
    )


def _is_seen(node: LexborNode) -> bool:
    is_hidden = node.tag == "input" and (node.attributes.get("type") or "").lower() == "hidden"
    return not is_hidden and not any(each.tag in _UNSEEN for each in (node, *above(node)))


_MADE_BY_SCRIPT = Problem(
    "made_by_script",
    "parts",
    "parts in its HTML",
    "leaves its parts to a script, so nobody can tell whether they are there",
    "if that is meant, leave them out of 'parts' or name the page under 'exempt', and look at it with 'page_errors' and 'visual'",
    is_failure=False,
)


def _missing(part: Part, how: str) -> Problem:
    return Problem(
        "part_missing",
        part,
        f"a <{part}> or role={_ROLES[part]}",
        f"has {how} {part}",
        "see whether its experience fragment and template are published",
    )


def _expected_of(page: Page, settings: StructureSettings) -> Iterator[str]:
    for key in _fitting(page, settings):
        yield from settings.expected[key]


def _fitting(page: Page, settings: StructureSettings) -> Iterator[str]:
    """The templates and paths of 'expected' that it has."""
    template = _template(page)
    for key in settings.expected:
        if key == template or (key.startswith("/") and fnmatchcase(page.path, key)):
            yield key


def _template(page: Page) -> str:
    node = page.final.document.css_first("meta[name=template]")
    return (node.attributes.get("content") or "") if node else ""


def _of_the_editor(document: LexborHTMLParser) -> Iterator[Problem]:
    known: dict[int, bool] = {}
    nodes = [node for node in document.css(_EDITOR) if not in_sample(node, known)]
    if nodes:
        says = nodes[0].attributes.get("data-emptytext") or nodes[0].attributes.get("class") or ""
        yield Problem(
            "editor_placeholder",
            "placeholder of the editor",
            "none",
            f"shows {count(len(nodes), 'placeholder')} of the page editor, first {quoted(says, 80)}",
            "see which component renders its authoring placeholder outside of edit mode",
        )


def _broken_off(page: Page) -> Iterator[Problem]:
    body, known = page.final.in_utf8, dict[int, bool]()
    matches = _BROKEN.finditer(page.final.text) if any(trace in body for trace in _TRACES) else ()
    texts = dict.fromkeys(found.group() for found in islice(matches, _MOST_TRACES))
    for node in page.final.document.css("body, body *:not(script):not(style)") if texts else ():
        own = node.text(deep=False) or ""
        shown = next((text for text in texts if text in own), None)
        if shown is not None and not in_sample(node, known):
            yield Problem(
                "script_error",
                "error of a script",
                "no error text",
                f"shows {quoted(shown, 100)}",
                "read the publish error log for this page",
            )
            return


def _empty_fragments(document: LexborHTMLParser) -> Iterator[Problem]:
    empty = [node for node in document.css(_FRAGMENTS) if _is_empty(node)]
    if empty:
        yield Problem(
            "empty_fragment",
            "empty experience fragment",
            "content in each",
            f"has {count(len(empty), 'experience fragment')} with nothing inside, first {quoted(_class(empty[0]), 80)}",
            "publish the experience fragment and what it refers to",
        )


def _is_empty(node: LexborNode) -> bool:
    return node.css_first(_SHOWN) is None and not node.text(strip=True)


def _class(node: LexborNode) -> str:
    return node.attributes.get("class") or node.tag or ""


def _finding(page: Page, problem: Problem, recording: Recording, *, known: bool) -> Finding:
    known = known and problem.is_failure
    since = " It was so at the last approved release too." if known else ""
    return Finding(
        code=problem.code,
        subject=f"{page.path} {problem.part}",
        sentence=f"{page.url} {problem.actual}; expected {problem.expected}.{since} To do: {problem.remedy}.",
        expected=problem.expected,
        actual=problem.actual,
        outcome=Outcome.FAILED if problem.is_failure else Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT if problem.is_failure else Cause.CHECK,
        severity=Severity.WARN if known else None,
        evidence=recording.evidence(page.final),
    )


def _never_looked_for(seen: Container[str], settings: StructureSettings) -> Iterator[Finding]:
    """Selectors of a template or path that no recorded page has: they say nothing of this release."""
    for key in settings.expected:
        if key not in seen:
            yield Finding(
                code="never_looked_for",
                subject=f"expected {key}",
                sentence=f"No recorded page has the template or path {quoted(key)}, so what 'expected' says of it "
                "was not looked for. To do: add such a page to 'pages:', or correct the name.",
                outcome=Outcome.INCONCLUSIVE,
                cause=Cause.CHECK,
            )
