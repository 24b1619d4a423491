"""F1 against small sites: what is broken, what blocks, and who is never asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.access import NO_ACCESS, Access
from aem_checks.baseline import Baseline
from aem_checks.client import Client
from aem_checks.kinds.links._walk import MOST_PER_PAGE
from aem_checks.kinds.links.links import Links, LinksSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.runner import run_check
from unit.aem_checks.page_site import Answer, PageSite, page, status, text

HOME = "/us/en.html"


def look(
    folder: Path,
    site: PageSite,
    *,
    production: PageSite | None = None,
    others: tuple[PageSite, ...] = (),
    before: Path | None = None,
    access: Access = NO_ACCESS,
    per_second: float = 5000,
    config: dict[str, Any] | None = None,
    **settings: Any,
) -> CheckResult:
    """``{other}`` and ``{stage}`` in pages stand for the address of the first other host and of the site."""

    async def run() -> CheckResult:
        for other in others:
            await other.__aenter__()
        async with site, production or PageSite() as live:
            _fill(site, {"{other}": others[0].url if others else "", "{stage}": site.url})
            known = {"production": live.url} if production else {}
            own = site.config(pages=[HOME], **known, **_filled(config or {}, others))
            origins = {site.url: access, **({live.url: NO_ACCESS} if production else {})}
            async with Client(origins, rate_limit=RateLimit(per_second), backoff=0.01) as client:
                recording = await record(own, "stage", client, folder / "recording")
                baseline = Baseline("execution 4710", before) if before else None
                check = Links(LinksSettings.model_validate(settings))
                result = await run_check(
                    check, Means(own, "stage", client, recording, folder, baseline=baseline)
                )
        for other in others:
            await other.__aexit__()
        return result

    return asyncio.run(run())


def _fill(site: PageSite, words: dict[str, str]) -> None:
    for path, answer in list(site.answers.items()):
        site.answers[path] = _filling(answer, words)


def _filling(answer: Answer, words: dict[str, str]) -> Answer:
    def filled(request: web.BaseRequest) -> web.Response:
        made = answer(request)
        if isinstance(made.body, bytes):
            for word, meaning in words.items():
                made.body = made.body.replace(word.encode(), meaning.encode())
        return made  # type: ignore[no-any-return]

    return filled


def _filled(config: dict[str, Any], others: tuple[PageSite, ...]) -> dict[str, Any]:
    hosts = [other.url.partition("://")[2] for other in others]
    return {key: [hosts[0]] if value == "{other}" else value for key, value in config.items()}


def site(body: str, **answers: Answer) -> PageSite:
    """Pages by name: ``en_a`` is ``/us/en/a.html``."""
    named = {f"/us/{name.replace('_', '/')}.html": answer for name, answer in answers.items()}
    return PageSite({HOME: page(body), **named})


def bad(result: CheckResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.outcome is not Outcome.PASSED]


LINK = '<a href="/us/en/a.html">A</a>'
NAVIGATION = f"<nav>{LINK}</nav>"


def test_good_links_pass_and_each_is_asked_once(tmp_path: Path) -> None:
    body = (
        LINK * 3 + '<a href="{stage}/us/en/a.html">again</a><a href="a.html">no</a><a href="en/b.html">B</a>'
    )
    own = site(body, en_a=page(LINK), en_b=page(LINK))
    own.answers["/us/a.html"] = page()
    result = look(tmp_path, own)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 3), result.sentences
    paths = [request.path for request in own.requests if request.path.endswith(".html")]
    assert sorted(paths) == ["/us/a.html", HOME, "/us/en/a.html", "/us/en/b.html"]


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        (NAVIGATION, "block"),
        (f"<header>{LINK}</header>", "block"),
        (f"<div role=contentinfo>{LINK}</div>", "block"),
        ('<nav><a href="{stage}/us/en/a.html#top">A</a></nav>', "block"),
        (f"<main>{LINK}</main>", "warn"),
    ],
)
def test_a_broken_link_blocks_in_navigation_and_warns_elsewhere(
    tmp_path: Path, body: str, severity: str
) -> None:
    result = look(tmp_path, site(body), broken_percent=100)
    assert (result.severity, result.outcome) == (severity, Outcome.FAILED)
    assert [finding.subject for finding in bad(result)] == ["/us/en/a.html"]
    assert "status 404" in bad(result)[0].sentence


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(500), "failed"),
        (status(403), "failed"),
        (status(429), "inconclusive"),
        (lambda _: web.Response(status=301, headers={"Location": HOME}), "passed"),
        (lambda _: web.Response(status=302, headers={"Location": "https://login.example/"}), "passed"),
        (lambda _: web.Response(status=302, headers={"Location": "/us/en/a.html"}), "failed"),
        (text("%PDF-", "application/pdf"), "passed"),
    ],
)
def test_each_answer_of_a_link(tmp_path: Path, answer: Answer, outcome: str) -> None:
    result = look(tmp_path, site(LINK, en_a=answer))
    assert result.outcome == outcome, result.sentences


@pytest.mark.parametrize(("settings", "severity"), [({}, "warn"), ({"severity": "block"}, "block")])
def test_a_link_of_the_navigation_that_gives_no_answer_is_no_warning_where_a_broken_one_blocks(
    tmp_path: Path, settings: dict[str, str], severity: str
) -> None:
    result = look(tmp_path, site(NAVIGATION, en_a=status(429)), **settings)
    assert (result.severity, result.outcome) == (severity, Outcome.INCONCLUSIVE), result.sentences


def test_links_of_the_pages_behind_are_checked_at_depth_2_only(tmp_path: Path) -> None:
    far = {"en_a": page('<a href="/us/en/lost.html">x</a>')}
    assert look(tmp_path, site(LINK, **far), depth=1).outcome is Outcome.PASSED
    result = look(tmp_path, site(LINK, **far))
    assert [finding.subject for finding in bad(result)][-1] == "/us/en/lost.html"


def test_more_broken_links_than_allowed_block(tmp_path: Path) -> None:
    body = "".join(f'<a href="/us/en/{number}.html">x</a>' for number in range(4)) + LINK
    own = site(body, en_a=page())
    result = look(tmp_path, own, broken_percent=50)
    assert (result.severity, bad(result)[0].subject) == ("block", "share of broken links")
    assert "4 of 5 links" in bad(result)[0].sentence
    assert look(tmp_path, site(body, en_a=page()), broken_percent=90).severity is Severity.WARN


@pytest.mark.parametrize(
    ("href", "outcome"),
    [
        ("/us/en/a.html#here", "passed"),
        ("/us/en/a.html#gone", "failed"),
        ("#nowhere", "failed"),
        ("#", "passed"),
        ("#top", "passed"),
        ("/us/en/sheet.pdf#page=3", "passed"),
    ],
)
def test_anchors_have_to_be_on_their_page(tmp_path: Path, href: str, outcome: str) -> None:
    own = site(f'<a href="{href}">x</a>', en_a=page("<h2 id=here>Here</h2>"))
    own.answers["/us/en/sheet.pdf"] = text("%PDF-", "application/pdf")
    result = look(tmp_path, own)
    assert (result.severity, result.outcome) == ("warn", outcome), result.sentences


def test_what_was_broken_at_the_last_release_only_warns(tmp_path: Path) -> None:
    look(tmp_path / "before", site(NAVIGATION))
    result = look(tmp_path / "now", site(NAVIGATION), before=tmp_path / "before")
    assert (result.severity, result.outcome) == ("warn", Outcome.FAILED)
    assert "at the last approved release too" in bad(result)[0].sentence


@pytest.mark.parametrize(
    ("production", "severity", "words"),
    [
        (site(NAVIGATION), "warn", "the same broken link"),
        (site("<p>no link</p>"), "block", "no such page and no such link"),
        (site(NAVIGATION, en_a=page()), "block", "missing on stage, or this release broke it"),
    ],
)
def test_production_tells_old_links_from_new_ones(
    tmp_path: Path, production: PageSite, severity: str, words: str
) -> None:
    result = look(tmp_path, site(NAVIGATION), production=production, broken_percent=100)
    assert (result.severity, result.outcome) == (severity, Outcome.FAILED)
    assert words in bad(result)[0].sentence


def test_the_limit_of_urls_is_kept_and_said(tmp_path: Path) -> None:
    own = site("".join(f'<a href="/us/en/{number}.html">x</a>' for number in range(9)))
    own.answers |= {f"/us/en/{number}.html": page() for number in range(9)}
    result = look(tmp_path, own, most=4)
    assert len([request for request in own.requests if request.path.startswith("/us/en/")]) == 4
    assert "5 URLs of the site beyond 'most'" in " ".join(result.sentences)


def test_ignored_paths_are_not_judged(tmp_path: Path) -> None:
    assert look(tmp_path, site(LINK), ignore=["/us/en/a"]).outcome is not Outcome.FAILED


def test_the_site_is_asked_with_its_credentials(tmp_path: Path) -> None:
    def protected(request: web.BaseRequest) -> web.Response:
        return page()(request) if request.headers.get("X-Key") == "s3cr3t" else web.Response(status=401)

    result = look(tmp_path, site(LINK, en_a=protected), access=Access({"X-Key": "s3cr3t"}))
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1)


def test_it_never_asks_faster_than_the_site_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = RateLimit.acquire
    turns: list[float | None] = []
    early: list[str] = []

    async def counted(limit: RateLimit, host: str, *, per_second: float | None = None) -> float:
        seconds = await waited(limit, host, per_second=per_second)
        turns.append(limit.per_second)
        return seconds

    def answer(request: web.BaseRequest) -> web.Response:
        if len(own.requests) > len(turns):
            early.append(request.path)
        return page()(request)

    monkeypatch.setattr(RateLimit, "acquire", counted)
    own = site("".join(f'<a href="/us/en/{number}.html">x</a>' for number in range(12)))
    own.answers |= {f"/us/en/{number}.html": answer for number in range(12)}
    assert look(tmp_path, own, per_second=200).examined == 12
    assert early == []
    assert turns == [200] * len(own.requests)


def test_nobody_is_asked_whom_the_gate_file_does_not_name(tmp_path: Path) -> None:
    listed, private = PageSite(), PageSite()
    hidden = (
        '<a href="{other}/">x</a><img src="{other}/i.png"><link rel=stylesheet href="{other}/s.css">'
        '<a href="http://localhost:1/">x</a><a href="http://169.254.169.254/latest/">x</a><a href="file:///etc/hosts">x</a>'
        '<a href="/us/en/a.html">redirects</a><iframe src="{other}/frame"></iframe>'
    )
    away: Answer = lambda _: web.Response(status=302, headers={"Location": private.url + "/away"})  # noqa: E731
    result = look(tmp_path, site(hidden + LINK, en_a=away), others=(private, listed))
    assert private.requests == []
    assert "169.254.169.254" in " ".join(result.sentences)
    assert result.outcome is not Outcome.FAILED


def test_links_to_allowed_hosts_are_checked_without_credentials(tmp_path: Path) -> None:
    friend = PageSite({"/here": page()})
    body = LINK + '<a href="{other}/here">x</a><a href="{other}/gone">x</a>'
    own = site(body, en_a=page())
    result = look(tmp_path, own, others=(friend,), access=Access({"X-Key": "s3cr3t"}),
                  config={"allow_hosts": "{other}"})  # fmt: skip
    assert [finding.subject.rpartition("/")[2] for finding in bad(result)] == ["gone"]
    assert (result.severity, result.outcome) == ("warn", Outcome.FAILED)
    assert {request.path for request in friend.requests} == {"/here", "/gone"}
    assert all("X-Key" not in request.headers for request in friend.requests)
    assert (
        look(tmp_path, site(body, en_a=page()), others=(PageSite(),), external=False).outcome
        is Outcome.PASSED
    )


@pytest.mark.parametrize("target", ["http://[bad/", "http://h:99999/", "https://ex ample/"])
def test_a_redirect_to_no_host_at_all_is_a_broken_link(tmp_path: Path, target: str) -> None:
    def to_nowhere(_: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    result = look(tmp_path, site('<a href="/us/a.html">x</a>', a=to_nowhere), depth=1)
    assert [finding.subject for finding in result.findings] == ["/us/a.html"]
    assert result.findings[0].outcome is Outcome.FAILED


def test_a_link_with_an_empty_query_is_asked_and_judged(tmp_path: Path) -> None:
    result = look(tmp_path, site('<a href="/us/gone.html?">x</a>'), depth=1)
    assert [finding.subject for finding in result.findings] == ["/us/gone.html"]


def test_of_a_page_with_very_many_links_the_first_are_read_and_that_is_said(tmp_path: Path) -> None:
    own = site("".join(f'<a href="/us/en/{number % 5}.html">x</a>' for number in range(MOST_PER_PAGE + 1)))
    own.answers |= {f"/us/en/{number}.html": page() for number in range(5)}
    result = look(tmp_path, own)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 5)
    assert "1 page with too many links were not read to the end" in " ".join(result.sentences)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ('<form action="/us/en/search.html"><input name=q></form>', True),
        ('<form action="/us/en/search.html"><input name=q required></form>', False),
        ('<form method=POST action="/us/en/search.html"></form>', False),
        ('<link rel=canonical href="/us/en/search.html">', True),
        ('<link rel=preconnect href="/us/en/search.html">', False),
        ('<map><area href="/us/en/search.html"></map>', True),
        ('<a href="javascript:search()">x</a><a href="mailto:a@example.com">y</a>', False),
    ],
)
def test_a_link_is_what_somebody_follows(tmp_path: Path, body: str, asked: bool) -> None:
    own = site(body + LINK, en_a=page())
    look(tmp_path, own)
    assert ("/us/en/search.html" in [request.path for request in own.requests]) is asked


@pytest.mark.parametrize(
    ("href", "outcome"),
    [
        ("/us/en/a.html#gr%C3%BC%C3%9Fe", "passed"),
        ("/us/en/a.html#grüße", "passed"),
        ("/us/en/a.html#:~:text=here", "passed"),
        ("/us/en/a.html#Here", "failed"),
    ],
)
def test_an_anchor_is_found_as_a_browser_finds_it(tmp_path: Path, href: str, outcome: str) -> None:
    result = look(tmp_path, site(f'<a href="{href}">x</a>', en_a=page('<a name="grüße"></a><p id=here></p>')))
    assert result.outcome == outcome, result.sentences


def test_a_host_that_redirects_away_is_followed_only_where_it_is_allowed(tmp_path: Path) -> None:
    private = PageSite()
    friend = PageSite({"/moved": lambda _: web.Response(status=302, headers={"Location": "/gone"})})
    body = LINK + '<a href="{other}/moved">x</a>'
    result = look(
        tmp_path, site(body, en_a=page()), others=(friend, private), config={"allow_hosts": "{other}"}
    )
    assert [finding.actual for finding in bad(result)] == ["status 404"]
    assert {request.path for request in friend.requests} == {"/moved", "/gone"}


def test_production_is_compared_by_what_somebody_follows(tmp_path: Path) -> None:
    form = '<form action="/us/en/a.html"></form>'
    result = look(tmp_path, site(form), production=site(form))
    assert "Production has the same broken link" in bad(result)[0].sentence


@pytest.mark.parametrize(
    "href", [r"\us\en\a.html", "{stage}/us/x/../en/a.html", "{stage}/us/./en/a.html", r"{stage}\us\en\a.html"]
)
def test_an_address_is_asked_as_a_browser_asks_it(tmp_path: Path, href: str) -> None:
    own = site(f'<nav><a href="{href}">A</a></nav>', en_a=page())
    result = look(tmp_path, own)
    assert (result.outcome, result.examined) == (Outcome.PASSED, 1), result.sentences


@pytest.mark.parametrize("hidden", ["noscript", "template"])
def test_what_nobody_sees_is_no_link(tmp_path: Path, hidden: str) -> None:
    own = site(f"<nav><{hidden}>{LINK}</{hidden}></nav><a href=/us/en/b.html>B</a>", en_b=page())
    assert look(tmp_path, own).outcome is Outcome.PASSED


def test_a_page_in_a_frame_is_one_that_somebody_sees(tmp_path: Path) -> None:
    result = look(tmp_path, site('<iframe src="/us/en/a.html"></iframe>'))
    assert [finding.subject for finding in bad(result)] == ["/us/en/a.html"]


@pytest.mark.parametrize(
    "href",
    [
        "http://[IP-address/",
        "http://[http//shop.example/r?e=1",
        "https://$[env:DOMAIN]/us/en/a.html",
        "https://www.example.com:99999/",
        "https:///us/en/a.html",
        "https://shop.example:port/",
    ],
)
def test_a_link_that_nobody_can_open_is_broken_and_says_why(tmp_path: Path, href: str) -> None:
    result = look(tmp_path, site(f'<nav><a href="{href}">x</a></nav>{LINK}', en_a=page()))
    (finding,) = bad(result)
    assert (finding.code, finding.subject, result.outcome) == ("links.broken", href, Outcome.FAILED)
    assert result.severity == "block"
    assert "since it names" in finding.sentence


def test_production_may_have_the_same_link_that_nobody_can_open(tmp_path: Path) -> None:
    body = f'<nav><a href="https://$[env:DOMAIN]/">x</a></nav>{LINK}'
    result = look(tmp_path, site(body, en_a=page()), production=site(body, en_a=page()))
    assert result.severity == "warn"
    assert "Production has the same broken link" in bad(result)[0].sentence


@pytest.mark.parametrize(
    "body",
    [
        '<a href="#sign-in" data-modal-target="x">Sign in</a>',
        '<a href="#sign-in" role="button">Sign in</a>',
        '<a href="#sign-in" onclick="open()">Sign in</a>',
        '<a href="#sign-in" aria-haspopup="dialog">Sign in</a>',
        '<a href="#sign-in">Sign in</a><div data-dialog="sign-in"></div>',
        """<a href="#sign-in">Sign in</a><script>on('a[href="#sign-in"]', open)</script>""",
        """<a href="#sign-in">Sign in</a><script>document.getElementById('sign-in')</script>""",
        """<a href="#sign-in">Sign in</a><script>on("a[href$=\\"/us/en.html#sign-in\\"]", open)</script>""",
        """<a href="#sign-in">Sign in</a><script>on('[href=#sign-in]', open)</script>""",
        """<a href="#sign-in">Sign in</a><script>switch (hash) { case `#sign-in`: open() }</script>""",
        '<a href="#sign-in">Sign in</a><button data-show="#sign-in">Sign in</button><p data-show="x">x</p>',
        '<a href="#/products/7">An app\'s own way</a>',
    ],
)
def test_a_name_that_a_script_claims_is_no_missing_anchor(tmp_path: Path, body: str) -> None:
    result = look(tmp_path, site(body + LINK, en_a=page()))
    assert bad(result) == []


def test_a_name_that_a_recorded_script_claims_is_no_missing_anchor(tmp_path: Path) -> None:
    own = site('<script src="/etc.clientlibs/a.js"></script><a href="#sign-in">x</a><a href="#gone">y</a>')
    own.answers["/etc.clientlibs/a.js"] = text(
        "if (location.hash === '#sign-in') open()  // not #gone, and not '/us/en.html#gone'",
        "application/javascript",
    )
    assert [finding.subject for finding in bad(look(tmp_path, own))] == [f"{HOME}#gone"]


@pytest.mark.parametrize(
    "beside",
    [
        "<script>/* see #gone */ let place = '/us/en.html#gone', style = 'a#gone { color: red }'</script>",
        '<script type="application/ld+json">{"@id": "#gone"}</script>',
        '<div data-id="gone" data-tags="gone" data-path="/us/en.html#gone"></div>',
        '<p>Write data-dialog="#gone" here</p><!-- <p data-dialog="gone"> -->',
    ],
)
def test_what_only_has_its_word_in_it_claims_no_anchor(tmp_path: Path, beside: str) -> None:
    result = look(tmp_path, site(f'<a href="#gone">x</a>{beside}{LINK}', en_a=page()))
    assert [finding.subject for finding in bad(result)] == [f"{HOME}#gone"]


@pytest.mark.parametrize(
    "attribute",
    ['data-track="#gone"', 'data-cmp-data-layer="{}"', "data-cmp-clickable", 'data-track="sign-in-click"'],
)
def test_what_only_counts_clicks_claims_no_anchor(tmp_path: Path, attribute: str) -> None:
    result = look(tmp_path, site(f'<a href="#gone" {attribute}>x</a>{LINK}', en_a=page()))
    assert [finding.subject for finding in bad(result)] == [f"{HOME}#gone"]
