"""Which pages does the corpus have, what do all checks of pages say of each, and how is that shown in the catalogue?

PYTHONPATH=tests python -m unit.aem_checks.pages.page_corpus       # prints the two tables
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from aem_checks.asking import lead
from aem_checks.asks import Follow, Get, Now, Question
from aem_checks.baseline import Baseline
from aem_checks.codes import with_codes
from aem_checks.folders import NOWHERE
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Judgement, Outcome, Severity
from aem_checks.recording import Page, Recording, find_references
from aem_checks.rehearsing import NOW
from aem_checks.response import Response, make_headers
from aem_checks.sites import SiteConfig
from aem_checks.urls import plain_url
from aem_checks.visit import Visit
from unit.aem_checks.pages.archetype_pages import ARCHETYPE
from unit.aem_checks.pages.door_pages import DOORS
from unit.aem_checks.pages.faulty_pages import FAULTY
from unit.aem_checks.pages.language_pages import ENCODINGS, LANGUAGES
from unit.aem_checks.pages.page_case import PRODUCTION, STAGE, Case
from unit.aem_checks.pages.script_pages import SCRIPT_MADE

CORPUS = (*ARCHETYPE, *SCRIPT_MADE, *LANGUAGES, *ENCODINGS, *DOORS, *FAULTY)
KINDS = tuple(name for name, kind in all_kinds().items() if kind.reads_recording and kind.default_on)
"""All checks that judge recorded pages and that a gate has without being told."""
_TYPES = {
    "css": ("text/css", b"body{margin:0}"),
    "js": ("application/javascript", b"(function(){})()"),
    "pdf": ("application/pdf", b"%PDF-1.7 map"),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04 map"),
    "mp4": ("video/mp4", b"\x00\x00\x00\x18ftypmp42"),
    "svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "json": ("application/json", b"[]"),
}
_IMAGES = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "ico": "png", "image": "webp"}
_ELSEWHERE = (
    "<!DOCTYPE html><html lang=en><head><title>Elsewhere</title>{}</head><body><header><nav></nav></header>"
    "<main><p>Elsewhere on the site.</p></main><footer></footer></body></html>"
)
Told = Mapping[str, str]
"""By kind what it says, in the words of ``_verdict``."""


@cache
def told_of(case: Case) -> Told:
    """What the checks say of a page that has anything to say."""
    said = {kind: _verdict(kind, judged(kind, case)) for kind in KINDS}
    return {kind: words for kind, words in said.items() if words}


def right_of(case: Case) -> Told:
    """What is right to say."""
    said = {kind: f"no answer {codes}" for kind, codes in case.no_answer.items()}
    for words, expected in (("warns", case.warns), ("blocks", case.blocks)):
        said |= {kind: f"{words} {codes}" for kind, codes in expected.items()}
    return said


def judged(kind: str, case: Case, before: Case | None = None) -> Judgement:
    """What one check says of the page, asking the site that it is on. ``before``: the same page at the last release."""
    check_type = all_kinds()[kind]
    check = check_type(check_type.settings_type())
    baseline = Baseline("execution 1", NOWHERE, recorded(before)) if before else None
    visit = Visit(site_of(case), "stage", recorded(case), baseline)
    found = lead(check.judge(visit), lambda question: _answer(question, case), visit.reader())
    return with_codes(kind, check.codes, found)


def site_of(case: Case) -> SiteConfig:
    return SiteConfig.model_validate(
        {"name": "larkfell", "stage": STAGE, "production": PRODUCTION, "pages": [case.path]}
    )


@cache
def recorded(case: Case) -> Recording:
    site, url = site_of(case), f"{STAGE}{case.path}"
    chain = [_page(case)]
    while (target := chain[-1].location) is not None and target.startswith(STAGE) and len(chain) < 3:
        chain.append(_file(urlsplit(target).path, case))
    named = tuple(find_references(chain[-1], site.stage.hosts, lambda _: True))
    return Recording(
        site=site.name,
        target="stage",
        base_url=STAGE,
        hosts=site.stage.hosts,
        other_hosts=frozenset({urlsplit(PRODUCTION).netloc}),
        pages=(Page(case.path, url, tuple(chain), named),),
        resources={each.url: _file(urlsplit(each.url).path, case) for each in named if each.on_site},
        recorded_at=NOW,
    )


def _answer(question: Question[Any], case: Case) -> Any:
    match question:
        case Get():
            return _at(question.url, case)
        case Follow():
            return (_at(question.url, case),)
        case Now():
            return NOW
    raise AssertionError(f"no page is asked {question}")


def _at(url: str, case: Case) -> Response:
    assert url.startswith((STAGE, PRODUCTION)), url
    parts = urlsplit(plain_url(url))
    whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
    is_it = whole == case.path and url.startswith(STAGE)
    return _page(case) if is_it else _file(parts.path, case, url)


def _page(case: Case) -> Response:
    headers = {"Content-Type": "text/html;charset=utf-8", **case.headers}
    body = case.html if isinstance(case.html, bytes) else case.html.encode()
    return Response(f"{STAGE}{case.path}", case.status, make_headers(headers), body, fetched_at=NOW)


def _file(path: str, case: Case, url: str = "") -> Response:
    """Whatever the page names on its site: a file of the type that its name says, or another page."""
    url = url or f"{STAGE}{path}"
    name = path.rpartition("/")[2]
    ending = name.rpartition(".")[2].lower() if "." in name else name
    if path in case.lacks:
        return Response(
            url, 404, make_headers({"Content-Type": "text/html"}), b"<html>Lost</html>", fetched_at=NOW
        )
    kind, body = _TYPES.get(ending) or _image(ending) or ("text/html", _elsewhere(case))
    return Response(url, 200, make_headers({"Content-Type": kind}), body, fetched_at=NOW)


@cache
def _image(ending: str) -> tuple[str, bytes] | None:
    if ending not in _IMAGES:
        return None
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, _IMAGES[ending])
    return f"image/{_IMAGES[ending]}", file.getvalue()


@cache
def _elsewhere(case: Case) -> bytes:
    """Another page of the site, which names the same languages."""
    siblings = [each.html or "" for each in _page(case).document.css("link[rel=alternate]")]
    return _ELSEWHERE.format("".join(siblings)).encode()


def _verdict(kind: str, judgement: Judgement) -> str:
    """``blocks``, ``warns`` or ``no answer`` with the codes that say so; empty for a pass without a word."""
    severity = all_kinds()[kind].severity
    outcome = judgement.weigh(severity)
    seen = [each for each in judgement.findings if each.outcome is not Outcome.PASSED]
    if not seen:
        return "" if outcome[1] is Outcome.PASSED else "no answer nothing_examined"
    blocking = [each for each in seen if (each.severity or severity) is Severity.BLOCK]
    telling = [each for each in blocking or seen if each.outcome is Outcome.FAILED]
    words = "no answer" if not telling else "blocks" if blocking else "warns"
    codes = {each.code.partition(".")[2] for each in telling or blocking or seen}
    return f"{words} {' '.join(sorted(codes))}"


def table() -> Iterator[str]:
    """Page by page what is said; what is not named passes without a word."""
    yield "| page | what it is | what blocks | what warns | what has no answer |"
    yield "|---|---|---|---|---|"
    for case in CORPUS:
        cells = (_cell(told_of(case), words) for words in ("blocks", "warns", "no answer"))
        yield f"| {case.name} | {case.what} | {' | '.join(cells)} |"


def _cell(told: Told, words: str) -> str:
    said = [
        (kind, text.removeprefix(f"{words} ")) for kind, text in told.items() if text.startswith(f"{words} ")
    ]
    if len(said) > 4:
        return f"{len(said)} of {len(KINDS)} checks"
    return ", ".join(f"`{kind}`: {codes}" for kind, codes in said)


def sums() -> Iterator[str]:
    """Check by check how many of the pages it passes, and of how many it says what."""
    yield "| check | passed | warns | blocks | no answer |"
    yield "|---|---|---|---|---|"
    for kind in KINDS:
        said = Counter(_first(told_of(case).get(kind, "passed")) for case in CORPUS)
        yield f"| `{kind}` | {said['passed']} | {said['warns']} | {said['blocks']} | {said['no']} |"


def _first(words: str) -> str:
    return words.partition(" ")[0]


if __name__ == "__main__":
    print("\n".join((*table(), "", *sums())))
