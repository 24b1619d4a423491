"""Does `calibrate` say what would block today, and does a gate file with what it proposes let such a release begin?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from aem_checks.outcomes import Cause, Outcome, Severity
from stage_gate.cli import main
from stage_gate.commands.proposing import MOST_WAIVERS, Standing, propose, standing
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.demands import NO_DEMANDS
from unit.aem_checks.page_site import PageSite, status
from unit.aem_checks.test_cli import serving
from unit.stage_gate.samples import finding, plan, planned, result

pytestmark = pytest.mark.usefixtures("own_temporary_files")
TODAY = date(2026, 11, 20)
Calibrate = Callable[..., tuple[int, str, Path]]


@pytest.fixture
def calibrate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Calibrate]:
    """Run the command on a stage and a production with these answers; its exit code, what it said, the gate file."""
    with ExitStack() as up:

        def run(
            stage: PageSite, production: PageSite | None, *options: str, **gate: Any
        ) -> tuple[int, str, Path]:
            site = {"name": "wknd", "stage": up.enter_context(serving(stage)), "pages": ["/", "/old.html"]}
            if production is not None:
                site["production"] = up.enter_context(serving(production))
            file = tmp_path / "wknd.yaml"
            told = {
                "pipeline": {"program": "1", "pipeline": "2"},
                "sites": [{**site, "requests_per_second": 1000}],
                "checks": {"others": False, "key_pages": {}},
                **gate,
            }
            file.write_text(yaml.safe_dump(told, sort_keys=False))
            code = main(["calibrate", str(file), *options])
            said = capsys.readouterr()
            return code, said.out + said.err, file

        yield run


def proposed(said: str) -> Any:
    """The part of a gate file in what was said."""
    text = re.search(r"^policy:\n(?:[ -].*\n)+", said, re.MULTILINE)
    assert text is not None, said
    return yaml.safe_load(text[0])


def old_is_gone() -> PageSite:
    return PageSite({"/old.html": status(404)})


def good() -> PageSite:
    from unit.aem_checks.page_site import page

    return PageSite({"/old.html": page()})


def test_a_good_site_needs_nothing(calibrate: Calibrate) -> None:
    code, said, _ = calibrate(good(), good())
    assert code == 0
    assert "Nothing would block: 1 blocking checks passed." in said
    assert "policy:" not in said


def test_what_fails_on_production_too_is_proposed_as_a_waiver_that_ends(calibrate: Calibrate) -> None:
    days = {datetime.now(UTC).date() + timedelta(days=20)}
    code, said, file = calibrate(old_is_gone(), old_is_gone(), "--owner", "alice", "--days", "20")
    days.add(datetime.now(UTC).date() + timedelta(days=20))
    assert code == 1
    assert "failed on stage and production" in said
    assert "on stage only" not in said
    [waiver] = proposed(said)["policy"]["waivers"]
    assert (waiver["check"], waiver["code"]) == ("key_pages", "key_pages.status")
    assert list(waiver) == ["check", "code", "subject", "owner", "until", "why"]
    assert waiver["subject"].endswith("/old.html")
    assert waiver["owner"] == "alice"
    assert date.fromisoformat(str(waiver["until"])) in days
    again = yaml.safe_load(file.read_text()) | proposed(said)
    file.write_text(yaml.safe_dump(again))
    assert load_gate(file, demands=NO_DEMANDS).policy.waivers[0].owner == "alice"
    assert main(["calibrate", str(file)]) == 0, "with the waiver a release like today's can begin"


def test_what_fails_on_stage_alone_is_marked_to_be_looked_at(calibrate: Calibrate) -> None:
    code, said, _ = calibrate(old_is_gone(), good())
    assert code == 1
    assert "failed on stage only" in said
    assert "1 of 1 are on stage only" in said


def test_without_an_answer_no_waiver_is_proposed(calibrate: Calibrate) -> None:
    code, said, _ = calibrate(PageSite(everything=status(405)), None)
    assert code == 1
    assert "No waiver helps where there is no answer: key_pages." in said
    assert "policy:" not in said


def test_what_the_deployment_insists_on_is_never_proposed(
    calibrate: Calibrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_CHECKS", "key_pages")
    code, said, _ = calibrate(old_is_gone(), None)
    assert code == 1
    assert "The deployment wants key_pages to block in every gate" in said
    assert "policy:" not in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--only", "key_page"], "key_page is not planned on stage; there are key_pages."),
        (["--days", "400"], "A waiver holds 1 to 366 days"),
        (["--owner", "everybody"], "is not one person"),
    ],
    ids=str,
)
def test_wrong_usage_runs_nothing(calibrate: Calibrate, options: list[str], says: str) -> None:
    site = good()
    code, said, _ = calibrate(site, None, *options)
    assert code == 2
    assert says in said
    assert site.requests == []


def test_a_wrong_gate_file_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", str(tmp_path / "none.yaml")]) == 2
    assert "There is no gate file" in capsys.readouterr().err


def stands(
    number: int,
    outcome: Outcome = Outcome.FAILED,
    subject: str = "/p{}.html",
    code: str = "key_pages.status",
) -> list[Standing]:
    findings = tuple(finding(code=code, subject=subject.format(n), outcome=outcome) for n in range(number))
    return [Standing("key_pages", each, None) for each in findings]


def test_too_many_findings_of_one_check_become_a_quarantine_that_ends() -> None:
    few = propose(stands(MOST_WAIVERS), "alice", TODAY)
    assert (len(few.waivers), few.quarantine) == (MOST_WAIVERS, [])
    many = propose(stands(MOST_WAIVERS + 1), "alice", TODAY)
    [quarantine] = many.quarantine
    assert (quarantine.check, quarantine.owner, quarantine.until) == (
        "key_pages",
        "alice",
        TODAY + timedelta(days=30),
    )
    assert many.waivers == []


def test_a_subject_that_would_waive_everything_is_not_proposed_as_a_waiver() -> None:
    assert propose(stands(1, subject="*"), "alice", TODAY).waivers == []
    assert len(propose(stands(1, subject="*"), "alice", TODAY).quarantine) == 1


def test_two_faults_of_one_subject_are_two_waivers() -> None:
    both = stands(1) + stands(1, code="key_pages.content_type")
    assert [each.code for each in propose(both, "alice", TODAY).waivers] == [
        "key_pages.status",
        "key_pages.content_type",
    ]


def test_findings_that_are_only_counted_are_not_waived_unread() -> None:
    proposal = propose(stands(1, code="key_pages.more"), "alice", TODAY)
    assert (proposal.waivers, len(proposal.quarantine)) == ([], 1)


def test_what_is_excused_already_or_only_warns_does_not_stand() -> None:
    failed = result("key_pages", Outcome.FAILED)
    warned = result("host_leaks", Outcome.FAILED, severity=Severity.WARN)
    both = plan(planned("key_pages"), planned("host_leaks", Severity.WARN))
    assert [each.check for each in standing(both, [failed, warned], {})] == ["key_pages"]
    excuse = {"owner": "bob", "until": TODAY, "why": "known"}
    waived = plan(
        planned(), waivers=[{"check": "key_pages", "code": "key_pages.bad", "subject": "/us/*", **excuse}]
    )
    assert standing(waived, [failed], {}) == []
    quarantined = plan(planned(quarantine=excuse))
    assert standing(quarantined, [failed], {}) == []
    assert standing(plan(planned(dry_run=True)), [failed], {}) == []


def test_the_same_on_production_is_found_whatever_the_host() -> None:
    on_stage = result("a", Outcome.FAILED, findings=(finding(subject="https://stage.example/x.html"),))
    there = result("a", Outcome.FAILED, findings=(finding(subject="https://www.example/x.html"),))
    elsewhere = result("a", Outcome.FAILED, findings=(finding(subject="https://www.example/y.html"),))
    otherwise = result(
        "a", Outcome.FAILED, findings=(finding(code="a.other", subject="https://www.example/x.html"),)
    )
    unseen = result("a", Outcome.INCONCLUSIVE, cause=Cause.NETWORK)
    found = [
        standing(plan(planned("a")), [on_stage], {"a": each})[0].on_production
        for each in (there, elsewhere, otherwise, result("a"), unseen)
    ]
    assert found == [True, False, False, False, None]


def test_a_result_that_blocks_and_names_nothing_stands_all_the_same() -> None:
    empty = result("a", Outcome.INCONCLUSIVE, findings=(), examined=0)
    [stand] = standing(plan(planned("a")), [empty], {})
    assert "examined 0 things" in stand.finding.sentence
    assert propose([stand], "alice", TODAY).unanswered == [stand]
