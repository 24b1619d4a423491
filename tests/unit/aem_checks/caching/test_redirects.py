"""C5 against small sites, and the ways to write a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.asks import Steps
from aem_checks.kinds.caching.redirects import Redirects, RedirectsSettings
from aem_checks.outcomes import Judgement, Severity
from aem_checks.visit import Visit
from unit.aem_checks.small_site import Answer, SmallSite, bad, outcome, visit

PAGE: Answer = (200, "<html>page</html>")


def check(*rules: dict[str, Any]) -> Redirects:
    return Redirects(RedirectsSettings.model_validate({"rules": list(rules)}))


def to(location: str, code: int = 301) -> Answer:
    return code, "", {"Location": location}


RULE = {"from": "/old", "to": "/new.html"}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"/old": to("/new.html"), "/new.html": PAGE}, "block passed"),
        ({"/old": to("/new.html", 302), "/new.html": PAGE}, "block failed product"),
        ({"/old": to("/other.html"), "/other.html": PAGE}, "block failed product"),
        ({"/old": PAGE}, "block failed product"),
        ({}, "block failed product"),
        ({"/old": to("/new.html")}, "block failed product"),
        (
            {"/old": to("/new.html"), "/new.html": to("/newer.html"), "/newer.html": PAGE},
            "block failed product",
        ),
        ({"/old": to("/new.html"), "/new.html": to("/old")}, "block failed product"),
        ({"/old": to("/new.html"), "/new.html": (503, "down")}, "block failed product"),
        ({"/old": (405, "allow list")}, "block inconclusive network"),
        ({"/old": to("/new.html"), "/new.html": "reset"}, "block inconclusive network"),
        ({"/old": (301, "")}, "block failed product"),
    ],
)
def test_each_way_of_going_wrong_is_told(tmp_path: Path, answers: dict[str, Answer], expected: str) -> None:
    judgement = visit(check(RULE), tmp_path, answers)
    assert outcome(check(RULE), judgement) == expected
    assert judgement.examined == 1


@pytest.mark.parametrize(
    ("wanted", "location", "good"),
    [
        ("/a.html?q=tent", "/a.html%3Fq=tent", False),
        ("/a.html#top", "/a.html%23top", False),
        ("/a/b.html", "/a%2Fb.html", False),
        ("/a/b.html", "/a%2fb.html", False),
        ("/a.html?q=1&r=2", "/a.html?q=1%26r=2", False),
        ("/a%2Fb.html", "/a%2fb.html", True),
        ("/caf%C3%A9.html", "/caf%c3%a9.html", True),
        ("/a-b.html", "/a%2Db.html", True),
        ("/a,b.html", "/a%2Cb.html", True),
        ("/a b.html".replace(" ", "%20"), "/a%20b.html", True),
        ("/a.html", "https://$[env:WWW]/a.html", False),
        ("/a.html", "https://127.0.0.1:99999/a.html", False),
        ("/a.html", "http://[/a.html", False),
        ("/a.html", "https:///a.html", False),
    ],
)
def test_what_a_redirect_leads_to_is_compared_as_servers_read_it(
    tmp_path: Path, wanted: str, location: str, good: bool
) -> None:
    rule = {"from": "/old", "to": wanted}
    answers = {"/old": to(location), "/a.html": PAGE, wanted.partition("?")[0].partition("#")[0]: PAGE}
    judgement = visit(check(rule), tmp_path, answers)
    assert ("not_as_mapped" in {each.code for each in bad(judgement)}) is not good
    assert good or location in bad(judgement)[0].actual


@pytest.mark.parametrize("address", ["https://$[env:WWW]/a", "https://a.example:99999/a", "http://[/a"])
def test_a_map_with_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match=r"names the (host|port)"):
        check({"from": "/old", "to": address})


def test_a_loop_is_called_a_loop(tmp_path: Path) -> None:
    answers = {"/old": to("/new.html"), "/new.html": to("/old")}
    assert "a loop" in bad(visit(check(RULE), tmp_path, answers))[0].sentence


def test_an_address_on_a_foreign_host_is_not_asked(tmp_path: Path) -> None:
    foreign = check({"from": "https://www.example.com/old", "to": "/new.html"})
    assert outcome(foreign, visit(foreign, tmp_path, {})) == "block inconclusive check"


class MapOfProduction(Redirects):
    """A map whose addresses are those of production, known only when the visit begins."""

    def judge(self, visit: Visit) -> Steps[Judgement]:
        assert visit.site.production is not None
        base = visit.site.production.url
        return check({"from": f"{base}/old", "to": f"{base}/new.html"}).judge(visit)


@pytest.mark.parametrize("location", ["/new.html", "{production}/new.html"])
def test_a_map_written_with_hosts_of_production_is_tried_on_stage(tmp_path: Path, location: str) -> None:
    base: list[str] = []

    class KnowsProduction(MapOfProduction):
        def judge(self, visit: Visit) -> Steps[Judgement]:
            assert visit.site.production is not None
            base.append(visit.site.production.url)
            return super().judge(visit)

    def stage(path: str) -> Answer:
        return PAGE if path == "/new.html" else to(location.format(production=base[0]))

    production = SmallSite({"/new.html": PAGE})
    judgement = visit(KnowsProduction(check(RULE).settings), tmp_path, stage, production)
    assert production.paths == []
    leaves = [finding for finding in bad(judgement) if "leaves stage" in finding.sentence]
    assert bad(judgement) == leaves
    assert [finding.severity for finding in leaves] == ([Severity.WARN] if "{" in location else [])


def test_a_target_on_a_foreign_host_is_compared_but_not_asked(tmp_path: Path) -> None:
    rule = {"from": "/shop", "to": "https://shop.example.com/start", "code": 302}
    answers = {"/shop": to("https://shop.example.com/start", 302)}
    assert outcome(check(rule), visit(check(rule), tmp_path, answers)) == "block passed"


def test_a_redirect_that_passes_queries_on_is_as_good(tmp_path: Path) -> None:
    class Echo(SmallSite):
        def _look_up(self, path: str) -> Answer:
            query = self.paths[-1].partition("?")[2]
            return to(f"/new.html?{query}") if path == "/old" else PAGE

    assert outcome(check(RULE), visit(check(RULE), tmp_path, Echo({}))) == "block passed"


def test_a_rule_that_matches_the_whole_url_only_is_a_warning(tmp_path: Path) -> None:
    class Strict(SmallSite):
        def _look_up(self, path: str) -> Answer:
            if path == "/new.html":
                return PAGE
            return to("/new.html") if self.paths[-1] == "/old" else (404, "no")

    (finding,) = bad(visit(check(RULE), tmp_path, Strict({})))
    assert finding.severity is Severity.WARN


def test_a_map_in_a_csv_file_beside_the_gate_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("from,to,code\n# a comment\n\n/a,/b,302\n/c,/d\n", encoding="utf-8-sig")
    settings = RedirectsSettings.model_validate({"file": "map.csv"}, context={"folder": tmp_path})
    assert [(rule.source, rule.to, rule.code) for rule in settings.rules] == [
        ("/a", "/b", 302),
        ("/c", "/d", 301),
    ]


def test_semicolons_separate_columns_too(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("/a;/b;301\n")
    settings = RedirectsSettings.model_validate({"file": "map.csv"}, context={"folder": tmp_path})
    assert len(settings.rules) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/a,/b,999\n", "map.csv:1"),
        ("/ok,/fine\n/a\n", "map.csv:2"),
        ("/a,/b,often\n", "map.csv:1"),
        ("/a,/b,301,x\n", "map.csv:1"),
        ("a,/b\n", "map.csv:1"),
        ("/a,/b\n/a,/c\n", "two places"),
        ("", "at least 1|too_short|should have"),
    ],
)
def test_a_mistake_in_a_csv_file_names_the_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "map.csv").write_text(text)
    with pytest.raises(ValidationError, match=problem):
        RedirectsSettings.model_validate({"file": "map.csv"}, context={"folder": tmp_path})


@pytest.mark.parametrize(
    "settings", [{}, {"rules": []}, {"file": "missing.csv"}, {"rules": [{"from": "/a", "to": "/a"}]}]
)
def test_an_empty_or_senseless_map_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RedirectsSettings.model_validate(settings)


def test_many_broken_redirects_are_summed_up(tmp_path: Path) -> None:
    many = check(*({"from": f"/old{n}", "to": "/new"} for n in range(60)))
    judgement = visit(many, tmp_path, {})
    assert len(judgement.findings) == 26
    assert "60 in all" in judgement.findings[-1].sentence
    assert outcome(many, judgement) == "block failed product"


def test_an_unknown_setting_is_called_that_before_the_missing_map_is() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        RedirectsSettings.model_validate({"rule": [RULE]})
