"""The pages of all gates and of one gate: who sees which, and what they say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from selectolax.lexbor import LexborHTMLParser

from aem_checks.outcomes import Outcome
from stage_gate.evidence.kept_decisions import asked_at
from stage_gate.evidence.ledger import write_entry
from stage_gate.evidence.store import Evidence
from stage_gate.pages.screens import Deployment, create_pages
from stage_gate.pages.seen_by import gates_seen_by
from stage_gate.rules.decision import Decision
from stage_gate.telling.addresses import NOWHERE, Addresses
from stage_gate.telling.gate_page import read_gate_page, render_gate
from stage_gate.telling.glance import Memory
from stage_gate.telling.releases_page import Filter, Known, read_lines, render_releases, wanted_now
from stage_gate.telling.standing import Tone
from unit.stage_gate.hostile import HOSTILE
from unit.stage_gate.kept_releases import READER
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import NOW, finding, result
from unit.stage_gate.told_releases import pin, release

EVERY = Filter()
WKND = Known("wknd", ("guard", "team-a"))
FAILED = result("key_pages", Outcome.FAILED, findings=(finding(),))


def text(html: str) -> str:
    body = LexborHTMLParser(html).body
    assert body is not None
    return " ".join(body.text(separator=" ").split())


def releases(store: Path, *known: Known, shown: Filter = EVERY) -> str:
    now = NOW + timedelta(days=900)
    lines = read_lines(known or (WKND,), store, READER, Memory(), now)
    return render_releases(lines, Addresses(""), now, shown, "/stage-gate/pages/releases")


def test_a_gate_has_one_line_with_what_ran_last_and_the_first_reason(tmp_path: Path) -> None:
    release(tmp_path, "2000001")
    release(tmp_path, "2000002", Decision.HALTED, results=(FAILED,))
    told = text(releases(tmp_path))
    assert "execution 2000002" in told
    assert "key_pages: /us/en.html answered 500." in told
    marks = LexborHTMLParser(releases(tmp_path)).css(".marks rect title")
    assert [each.text() for each in marks] == ["2000001: approved", "2000002: halted"]


def test_held_questions_and_gates_that_guard_nothing_stand_above_with_what_is_left(tmp_path: Path) -> None:
    sealed = release(tmp_path, "2000001", Decision.HELD, results=(FAILED,))
    asked_at(Evidence(tmp_path, "wknd", "2000001", KEYS), f"ask_release_manager-{sealed.digest[:20]}", NOW)
    broken = Known("broken", (), guards=False, trouble="Not valid.", trouble_dag="stage_gate.broken.invalid")
    shadow, paused = Known("shadowy", ("shadow",)), Known("paused", ("guard",), is_paused=True)
    lines = read_lines([WKND, broken, shadow, paused], tmp_path, READER, Memory(), sealed.sealed_at)
    found = {(each.gate, each.what): each for each in wanted_now(lines, Addresses(""))}
    assert set(found) == {
        ("wknd", "question"),
        ("broken", "guards nothing"),
        ("shadowy", "guards nothing"),
        ("paused", "paused"),
    }
    assert "at most 14.0 days left" in found["wknd", "question"].sentence
    assert found["wknd", "question"].address.endswith("/required_actions")
    assert found["shadowy", "guards nothing"].tone is Tone.QUIET


def test_what_somebody_has_to_look_at_comes_first(tmp_path: Path) -> None:
    release(tmp_path, "2000001", Decision.HELD, results=(FAILED,))
    lines = read_lines([Known("a"), WKND, Known("z")], tmp_path, READER, Memory(), NOW)
    assert [line.gate for line in lines] == ["wknd", "a", "z"]


def test_a_line_says_what_can_not_be_believed_or_read(tmp_path: Path) -> None:
    release(tmp_path, "2000001")
    folder = tmp_path / "wknd/execution-2000001"
    (folder / "decision.json").write_text(
        (folder / "decision.json").read_text().replace("As decided", "As forged")
    )
    assert "was changed after it was signed" in text(releases(tmp_path))
    (folder / "pin.json").write_text("nonsense")
    assert "can't be read" in text(releases(tmp_path)).lower()


def test_a_store_that_is_away_is_said_in_each_line(tmp_path: Path) -> None:
    (tmp_path / "wknd").write_text("no folder")
    assert "can't be listed" in text(releases(tmp_path))


def test_gates_are_found_by_name_and_by_tag(tmp_path: Path) -> None:
    known = (WKND, Known("basket", ("guard",)))
    assert "basket" not in text(releases(tmp_path, *known, shown=Filter(name="WK")))
    assert "basket" not in text(releases(tmp_path, *known, shown=Filter(tag="team-a")))
    assert "No gate matches." in text(releases(tmp_path, *known, shown=Filter(name="<b>")))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    memory = Memory()
    release(tmp_path, "2000001", None)
    read_lines([WKND], tmp_path, READER, memory, NOW)
    release(tmp_path, "2000002", Decision.HALTED, results=(FAILED,))
    [line] = read_lines([WKND], tmp_path, READER, memory, NOW)
    assert line.newest
    assert line.newest.standing.word == "halted"


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_text_on_both_pages(tmp_path: Path, hostile: str) -> None:
    found = result("key_pages", Outcome.FAILED, findings=(finding(f"mark {hostile}", subject=hostile),))
    sealed = release(tmp_path, "2000001", Decision.HALTED, results=(found,), artifacts_version=hostile)
    write_entry(Evidence(tmp_path, "wknd", "2000001", KEYS), sealed)
    seen = read_gate_page(tmp_path, "wknd", None, READER, Memory())
    for page in (releases(tmp_path), render_gate(seen, Addresses(""), NOW)):
        parsed = LexborHTMLParser(page)
        assert "mark" in text(page)
        assert not parsed.css("script, iframe, img, object, link, [onerror], [onload], [onclick]")
        assert all(
            (a.attributes["href"] or "").startswith(("/", "https://experience.adobe.com/", "#"))
            for a in parsed.css("a")
        )


def gate_page(store: Path, **settings: object) -> str:
    from stage_gate.pages.pinned_gate import gate_pinned_in

    evidence = Evidence(store, "wknd", "2000002", READER)
    gate = gate_pinned_in(evidence.read_pin(), store)
    return render_gate(read_gate_page(store, "wknd", gate, READER, Memory()), NOWHERE, NOW)


def test_a_gate_s_page_has_its_policy_in_words_its_releases_and_each_check_by_release(tmp_path: Path) -> None:
    for execution, results in (("2000001", (result("key_pages", flaky=True),)), ("2000002", (FAILED,))):
        sealed = release(tmp_path, execution, Decision.HALTED, results=results)
        write_entry(Evidence(tmp_path, "wknd", execution, KEYS), sealed)
    html = gate_page(tmp_path)
    cells = [each.attributes["aria-label"] for each in LexborHTMLParser(html).css(".matrix td span")]
    assert cells == ["flaky", "failed"]
    told = text(html)
    assert "Guards pipeline 678901 of program 12345" in told
    assert "failed , a blocking check failed: production is halted" in told
    assert LexborHTMLParser(html).css(".policy table"), "the checks are a table"


def test_waivers_and_quarantines_show_how_long_they_last(tmp_path: Path) -> None:
    excuse = {"owner": "bob", "until": "2026-11-12", "why": "known"}
    pin(tmp_path, "2000002", policy={"quarantine": [{"check": "key_pages", **excuse}]})
    assert "key_pages is in quarantine (owner bob): known last day 2026-11-12, 10 days left" in text(
        gate_page(tmp_path)
    )


def test_a_gate_without_a_release_has_a_page(tmp_path: Path) -> None:
    told = text(render_gate(read_gate_page(tmp_path, "new", None, READER, Memory()), NOWHERE, NOW))
    assert "No release yet." in told


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    deployment = Deployment(lambda: tmp_path, lambda: READER, gates_seen_by, "", lambda: tmp_path)
    return TestClient(create_pages(deployment))


def as_(user: str, users: dict[str, str]) -> dict[str, str]:
    return {"Cookie": f"_token={users[user]}"}


@pytest.mark.parametrize("path", ["/releases", "/gate/stage_gate.wknd"])
def test_only_who_is_logged_in_and_may_read_runs_sees_a_gate(
    client: TestClient, users: dict[str, str], tmp_path: Path, path: str
) -> None:
    release(tmp_path, "2000001")
    assert client.get(path).status_code == 401
    seen = client.get(path, headers=as_("viewer", users))
    assert seen.status_code == 200
    assert "2000001" in seen.text
    denied = client.get(path, headers=as_("nobody", users))
    assert "2000001" not in denied.text
    assert "wknd" not in text(denied.text)


def test_every_answer_runs_nothing_fetches_nothing_and_is_framed_by_airflow_alone(
    client: TestClient, users: dict[str, str]
) -> None:
    for path in ("/releases", "/gate/stage_gate.wknd", "/gate/another_dag"):
        for headers in ({}, as_("viewer", users)):
            answer = client.get(path, headers=headers)
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("sandbox allow-same-origin allow-forms allow-popups; default-src 'none'")
            assert "frame-ancestors 'self'" in policy
            for allowed in ("allow-scripts", "script-src", "img-src", "connect-src"):
                assert allowed not in policy
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert "set-cookie" not in answer.headers


def test_the_form_of_the_page_leads_back_to_it_alone(client: TestClient, users: dict[str, str]) -> None:
    policy = client.get("/releases?name=x", headers=as_("viewer", users)).headers["Content-Security-Policy"]
    assert "form-action http://testserver/releases;" in policy


def test_a_folder_that_is_no_gate_s_is_no_gate(
    client: TestClient, users: dict[str, str], tmp_path: Path
) -> None:
    for name in ("claims", "tickets", "starts", ".hidden"):
        (tmp_path / name).mkdir()
    assert "There is no gate that you may see." in client.get("/releases", headers=as_("viewer", users)).text
