"""B1 against small sites: closed, open, pretending, guarded by a firewall."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.kinds.security._doors import known_doors
from aem_checks.kinds.security.dispatcher_probes import DispatcherProbes, DispatcherProbesSettings
from aem_checks.outcomes import Outcome, Severity
from unit.aem_checks.small_site import HTML, JSON, Answer, SmallSite, bad, outcome, visit

HOME: Answer = (200, "<html><title>Welcome</title><h1>Adventures</h1></html>")
QUERY = "/bin/querybuilder.json?path=/content&p.limit=1"
HITS: Answer = (200, '{"success":true,"results":1,"total":1,"hits":[{"path":"/content"}]}', JSON)
PAGES = ("/", "/us/en.html")


def check(**settings: Any) -> DispatcherProbes:
    return DispatcherProbes(DispatcherProbesSettings(requests_per_second=1000, **settings))


def closed(extra: dict[str, Answer]) -> dict[str, Answer]:
    return {"/": HOME, "/us/en.html": HOME, **extra}


def test_a_closed_site_passes(tmp_path: Path) -> None:
    judgement = visit(check(), tmp_path, closed({}), pages=PAGES)
    assert judgement.findings == ()
    assert judgement.examined == len(known_doors())


def test_an_open_query_builder_blocks_and_is_confirmed(tmp_path: Path) -> None:
    site = SmallSite(closed({QUERY: HITS}))
    judgement = visit(check(), tmp_path, site, pages=PAGES)
    (finding,) = bad(judgement)
    assert outcome(check(), judgement) == "block failed product"
    assert finding.subject == QUERY
    assert "status 200" in finding.actual
    assert '"success":true' in finding.actual
    assert site.paths.count(QUERY) == 2
    assert (tmp_path / "evidence" / finding.evidence).read_bytes().startswith(b'{"success":true')


def test_paths_go_over_the_wire_exactly_as_they_are_written(tmp_path: Path) -> None:
    site = SmallSite(closed({}))
    visit(check(), tmp_path, site, pages=PAGES)
    expected = {door.path.replace("{page}", "/us/en") for door in known_doors()}
    assert expected <= set(site.paths)
    assert "/content/../libs/foundation/components/text/text.jsp" in expected


def test_a_leak_seen_only_once_is_inconclusive(tmp_path: Path) -> None:
    turns = itertools.count()

    def answer(path: str) -> Answer:
        if path == QUERY and next(turns) == 0:
            return HITS
        return HOME if path in PAGES else (404, "no")

    judgement = visit(check(), tmp_path, answer, pages=PAGES)
    assert outcome(check(), judgement) == "block inconclusive product"


def test_a_soft_404_with_every_signature_on_it_is_not_a_leak(tmp_path: Path) -> None:
    body = 'our developer blog: "jcr:primaryType": "x", CRXDE Lite, "success":true,"hits":[ and *ERROR* [log]'
    judgement = visit(check(), tmp_path, lambda path: (200, body), pages=PAGES)
    assert bad(judgement) == []
    assert "answered 200 without anything" in judgement.findings[0].sentence


def test_a_soft_404_does_not_hide_another_signature_of_the_same_door(tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        if path == "/crx/de/index.jsp":
            return 200, "<title>CRXDE Lite</title>"
        return 200, "our page explains what a CRX Explorer is"

    judgement = visit(check(), tmp_path, answer, pages=PAGES)
    assert [finding.subject for finding in bad(judgement)] == ["/crx/de/index.jsp"]


def test_an_error_page_that_repeats_the_path_is_not_a_leak(tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        return HOME if path in PAGES else (200, f"We looked for {path} and it is not here")

    assert bad(visit(check(), tmp_path, answer, pages=PAGES)) == []


@pytest.mark.parametrize("answer", [(302, "", {"Location": "/"}), (301, "", {"Location": "/login.html"})])
def test_redirects_to_home_or_login_are_closed_doors(tmp_path: Path, answer: Answer) -> None:
    site = {QUERY: answer}
    assert bad(visit(check(), tmp_path, closed(site), pages=PAGES)) == []


def test_redirects_of_the_same_path_to_another_host_test_nothing(tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        return HOME if path in PAGES else (301, "", {"Location": f"https://www.example.com{path}"})

    judgement = visit(check(), tmp_path, answer, pages=PAGES)
    assert judgement.examined == 0
    assert outcome(check(), judgement) == "block inconclusive check"
    assert len(judgement.findings) == 26


@pytest.mark.parametrize(
    "refusal",
    [
        (406, "Not Acceptable"),
        (429, "slow down"),
        (403, "<html>Request unsuccessful. Incapsula incident ID: 1</html>"),
        (200, "<title>Attention Required! | Cloudflare</title>"),
        "reset",
    ],
)
def test_a_firewall_that_refuses_a_probe_makes_it_inconclusive(tmp_path: Path, refusal: Answer) -> None:
    judgement = visit(check(), tmp_path, closed({QUERY: refusal}), pages=PAGES)
    assert outcome(check(), judgement) == "block inconclusive network"
    assert QUERY in bad(judgement)[0].sentence


def test_a_firewall_that_closes_after_some_probes_stops_the_round(tmp_path: Path) -> None:
    asked = itertools.count()

    def answer(path: str) -> Answer:
        if next(asked) > 30:
            return 403, "Forbidden"
        return HOME if path in PAGES else (404, "no")

    site = SmallSite(answer)
    judgement = visit(check(), tmp_path, site, pages=PAGES)
    assert outcome(check(), judgement) == "block inconclusive network"
    assert len(site.paths) < 60


def test_a_leak_outweighs_a_firewall(tmp_path: Path) -> None:
    answers = closed({QUERY: HITS, "/content.-1.json": (406, "no")})
    judgement = visit(check(), tmp_path, answers, pages=PAGES)
    assert outcome(check(), judgement) == "block failed product"


@pytest.mark.parametrize("home", [(405, "no"), (403, "no"), "reset"])
def test_a_site_that_refuses_the_gate_is_not_probed(tmp_path: Path, home: Answer) -> None:
    site = SmallSite(lambda path: home)
    judgement = visit(check(), tmp_path, site, pages=PAGES)
    assert outcome(check(), judgement) == "block inconclusive network"
    assert set(site.paths) == {"/"}
    assert judgement.examined == 0


def test_a_server_error_is_a_warning_and_no_proof(tmp_path: Path) -> None:
    judgement = visit(check(), tmp_path, closed({QUERY: (500, "boom")}), pages=PAGES)
    (finding,) = bad(judgement)
    assert (finding.severity, finding.outcome) == (Severity.WARN, Outcome.INCONCLUSIVE)


def test_a_list_of_depths_with_300_is_a_warning(tmp_path: Path) -> None:
    answers = closed({"/content.infinity.json": (300, '["/content.10.json","/content.9.json"]', JSON)})
    (finding,) = bad(visit(check(), tmp_path, answers, pages=PAGES))
    assert finding.severity is Severity.WARN


def test_what_any_software_writes_only_warns(tmp_path: Path) -> None:
    answers = closed({"/content.rss.xml": (200, "<?xml version='1.0'?><rss/>", {"Content-Type": "text/xml"})})
    (finding,) = bad(visit(check(), tmp_path, answers, pages=PAGES))
    assert finding.severity is Severity.WARN


def test_production_is_never_probed_unless_asked(tmp_path: Path) -> None:
    site = SmallSite(closed({}))
    judgement = visit(check(), tmp_path, {}, site, pages=PAGES, target="production")
    assert site.paths == []
    assert outcome(check(), judgement) == "block inconclusive check"
    asked = visit(check(on_production=True), tmp_path, {}, site, pages=PAGES, target="production")
    assert asked.examined == len(known_doors())


def test_teams_add_paths_and_waive_others(tmp_path: Path) -> None:
    answers = closed(
        {QUERY: HITS, "/api/debug": (200, "heap dump"), "/x.1.json": (200, '{"jcr:primaryType": "a"}')}
    )
    paths = [{"path": "/api/debug", "signature": "heap", "severity": "warn"}, "/x.1.json"]
    judgement = visit(check(paths=paths, waive=[QUERY]), tmp_path, answers, pages=PAGES)
    assert {(f.subject, f.severity) for f in bad(judgement)} == {
        ("/api/debug", Severity.WARN),
        ("/x.1.json", None),
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"waive": ["/typo"]},
        {"paths": ["no-slash"]},
        {"paths": ["/with blank"]},
        {"paths": [{"path": "/a", "signature": "("}]},
    ],
)
def test_mistakes_in_the_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DispatcherProbesSettings.model_validate(settings)


def test_one_request_a_second_is_the_default() -> None:
    assert DispatcherProbesSettings().requests_per_second == 1
    assert DispatcherProbes.last_on_host


def test_the_pace_is_kept(tmp_path: Path) -> None:
    site = SmallSite(lambda path: (404, "no"))
    paced = DispatcherProbes(DispatcherProbesSettings(requests_per_second=200))
    started = time.monotonic()
    visit(paced, tmp_path, site, pages=PAGES)
    assert time.monotonic() - started >= (len(site.paths) - 3) / 200


def test_the_list_holds_only_reading_requests_with_signatures_that_compile() -> None:
    doors = known_doors()
    assert len({door.path for door in doors}) == len(doors) >= 65
    for door in doors:
        assert not re.search(r"url=|cmd=|(?<!@transport)password|operation", door.path, re.IGNORECASE)
        for signature in door.signatures:
            assert re.search(signature, "<html><title>Sites and projects</title>AEM CQ = [ { hits") is None


def test_the_body_of_a_finding_is_escaped(tmp_path: Path) -> None:
    answers = closed({QUERY: (200, '\x1b[31m\n::group::{"success":true,"hits":[', HTML)})
    (finding,) = bad(visit(check(), tmp_path, answers, pages=PAGES))
    assert "\x1b" not in finding.sentence
    assert "\n" not in finding.sentence


@pytest.mark.parametrize("header", [{"X-Cache": "HIT, MISS"}, {"Age": "12"}])
@pytest.mark.parametrize(
    ("kept", "fresh", "expected"), [(404, 200, "block failed product"), (200, 404, "block passed")]
)
def test_an_answer_that_a_cache_kept_is_asked_again(
    tmp_path: Path, header: dict[str, str], kept: int, fresh: int, expected: str
) -> None:
    class Cached(SmallSite):
        def _look_up(self, path: str) -> Answer:
            if path != QUERY:
                return HOME if path in PAGES else (404, "no")
            is_kept = "stage-gate=" not in self.paths[-1]
            body = HITS[1] if (kept if is_kept else fresh) == 200 else "no"
            return (kept if is_kept else fresh), body, {**JSON, **(header if is_kept else {})}

    assert outcome(check(), visit(check(), tmp_path, Cached({}), pages=PAGES)) == expected


def test_a_403_counts_only_when_it_is_the_dispatchers_own(tmp_path: Path) -> None:
    def site(refusal: dict[str, str]) -> Any:
        def answer(path: str) -> Answer:
            if path == QUERY:
                return 403, "Forbidden", refusal
            return HOME if path in PAGES else (404, "no", {**HTML, "X-Vhost": "publish"})

        return answer

    foreign = visit(check(), tmp_path, site(HTML), pages=PAGES)
    assert outcome(check(), foreign) == "block inconclusive network"
    own = visit(check(), tmp_path, site({**HTML, "X-Vhost": "publish"}), pages=PAGES)
    assert outcome(check(), own) == "block passed"
