"""Which release is compared with, and can anybody who only writes files into the store make one up?"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aem_checks.config import ConfiguredCheck
from aem_checks.kinds.search_engines.head_regression import HeadRegression
from aem_checks.outcomes import Cause, CheckResult, Outcome, Severity
from aem_checks.sites import SiteConfig
from aem_checks.told import Told
from aem_checks.told import keep as keep_told
from stage_gate.cli import main
from stage_gate.commands.rejudging import Rejudged
from stage_gate.evidence.baseline import MOST_LOOKED_AT, baseline_for, open_baseline, with_baseline
from stage_gate.evidence.files import EvidenceError, dump
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.evidence.seal import MANIFEST
from stage_gate.evidence.signing import NO_KEYS, Keys, public_key
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import Decision
from stage_gate.rules.plan import Plan
from stage_gate.tasks.keeping import Keeper
from stage_gate.tasks.testing import test_stage as run_on_stage
from unit.stage_gate.kept_releases import READER, STRANGER, candidate_of, decided, keep, recording_of
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import NOW, plan, planned, recorded, result

run_on_stage.__test__ = False  # type: ignore[attr-defined]

THIS = "2000009"
DEPLOYED: Callable[[str], bool] = lambda execution: True  # noqa: E731


def plan_for(
    store: Path, keys: Keys = READER, was_deployed: Callable[[str], bool] = DEPLOYED, **candidate: object
) -> Plan:
    """The plan of a new release that is tested now."""
    evidence = Evidence(store, "wknd", THIS, keys)
    return with_baseline(plan(planned()), candidate_of(THIS, **candidate), evidence, was_deployed)


def the_notes(store: Path, **more: Any) -> str:
    pinned = plan_for(store, **more)
    assert pinned.baseline is None
    return " ".join(pinned.baseline_notes)


def test_the_last_release_that_was_approved_is_pinned_with_the_digest_of_its_seal(tmp_path: Path) -> None:
    keep(tmp_path, "2000001")
    sealed = keep(tmp_path, "2000002", attempts=2)
    pinned = plan_for(tmp_path).baseline
    assert pinned is not None
    assert (pinned.execution_id, pinned.attempt, pinned.seal_digest) == ("2000002", 2, sealed.digest)
    assert str(pinned) == f"execution 2000002 of {sealed.sealed_at:%Y-%m-%d}"


def test_the_first_release_has_none_and_nothing_is_wrong_with_that(tmp_path: Path) -> None:
    assert the_notes(tmp_path) == ""


def test_folders_that_anybody_put_there_do_not_hide_the_last_release_in_silence(tmp_path: Path) -> None:
    keep(tmp_path, "2000001")
    for number in range(MOST_LOOKED_AT):
        (tmp_path / "wknd" / f"execution-{3000000 + number}").mkdir()
    assert "None of the newest 50 executions in the evidence is compared with" in the_notes(tmp_path)


def test_one_that_was_let_through_in_cloud_manager_after_a_passed_verdict_counts_too(tmp_path: Path) -> None:
    keep(tmp_path, "2000001", decision=Decision.BYPASSED)
    pinned = plan_for(tmp_path).baseline
    assert pinned is not None


def halted(store: Path) -> str:
    keep(store, "2000001", decision=Decision.HALTED)
    return ""


def undecided(store: Path) -> str:
    keep(store, "2000001", decision=None)
    return ""


def overridden(store: Path) -> str:
    keep(store, "2000001", decision=Decision.OVERRIDDEN, results=(result("key_pages", Outcome.FAILED),))
    return "let it through although its verdict was failed"


def bypassed_after_a_failure(store: Path) -> str:
    keep(store, "2000001", decision=Decision.BYPASSED, results=(result("key_pages", Outcome.FAILED),))
    return "its verdict was failed"


def never_tested(store: Path) -> str:
    keep(store, "2000001", decision=Decision.BYPASSED)
    (store / "wknd" / "execution-2000001" / "attempt-1" / MANIFEST).unlink()
    return "never tested to the end"


def unsigned_seal(store: Path) -> str:
    keep(store, "2000001", keys=NO_KEYS, decision=Decision.BYPASSED)
    return "its seal is not signed"


def made_up_by_a_stranger(store: Path) -> str:
    keep(store, "2000001", keys=STRANGER, decision=Decision.BYPASSED)
    return "by a key that is not trusted here"


def unsigned_approval(store: Path) -> str:
    sealed = keep(store, "2000001", decision=None)
    write_decision(Evidence(store, "wknd", "2000001"), decided(sealed, Decision.APPROVED))
    return "its approval is not signed"


def approved_by_a_stranger(store: Path) -> str:
    sealed = keep(store, "2000001", decision=None)
    write_decision(Evidence(store, "wknd", "2000001", STRANGER), decided(sealed, Decision.APPROVED))
    return "its approval is by a key that is not trusted here"


def changed_recording(store: Path) -> str:
    keep(store, "2000001")
    [body] = (store / "wknd/execution-2000001/attempt-1/sites/wknd/recording/bodies").iterdir()
    body.write_bytes(b"<title>as they would like it</title>")
    return "was changed after it was sealed"


def added_file(store: Path) -> str:
    keep(store, "2000001")
    (store / "wknd/execution-2000001/attempt-1/sites/wknd/extra.json").write_text("{}")
    return "was added after it was sealed"


def copied_from_another_execution(store: Path) -> str:
    keep(store, "2000001")
    (store / "wknd" / "execution-2000001").rename(store / "wknd" / "execution-2000002")
    return "somebody put it here"


def approved_on_another_seal(store: Path) -> str:
    keep(store, "2000001")
    folder = store / "wknd" / "execution-2000001"
    shutil.rmtree(folder / "attempt-1")
    keep(store, "2000001", decision=None, title="Another")
    return "the seal that it was approved on is not there any more"


def another_pipeline(store: Path) -> str:
    keep(store, "2000001", pipeline_id="999")
    return "it is of another pipeline (999)"


@pytest.mark.parametrize(
    "spoil",
    [
        halted,
        undecided,
        overridden,
        bypassed_after_a_failure,
        never_tested,
        unsigned_seal,
        made_up_by_a_stranger,
        unsigned_approval,
        approved_by_a_stranger,
        changed_recording,
        added_file,
        copied_from_another_execution,
        approved_on_another_seal,
        another_pipeline,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_what_was_not_approved_or_can_t_be_verified_is_no_baseline_and_that_is_said(
    tmp_path: Path, spoil: Callable[[Path], str]
) -> None:
    why = spoil(tmp_path)
    notes = the_notes(tmp_path)
    assert why in notes
    assert bool(notes) == bool(why)


@pytest.mark.parametrize("spoil", [made_up_by_a_stranger, changed_recording, overridden])
def test_an_older_good_one_is_taken_instead_and_the_newer_is_named(
    tmp_path: Path, spoil: Callable[[Path], str]
) -> None:
    keep(tmp_path, "1000001")
    why = spoil(tmp_path)
    pinned = plan_for(tmp_path)
    assert pinned.baseline is not None
    assert pinned.baseline.execution_id == "1000001"
    assert why in " ".join(pinned.baseline_notes)


def test_one_that_cloud_manager_does_not_show_in_production_is_none(tmp_path: Path) -> None:
    keep(tmp_path, "2000001")
    assert "does not show that its production deployment finished" in the_notes(
        tmp_path, was_deployed=lambda _: False
    )


def test_one_that_cloud_manager_can_t_be_asked_about_is_none(tmp_path: Path) -> None:
    def unreachable(execution: str) -> bool:
        raise OSError("503 for\nexecution " + execution)

    keep(tmp_path, "2000001")
    assert "does not say whether it reached production: 503 for execution" in the_notes(
        tmp_path, was_deployed=unreachable
    )


def test_where_no_key_is_known_as_in_shadow_mode_an_unsigned_one_does(tmp_path: Path) -> None:
    keep(tmp_path, "2000001", keys=NO_KEYS)
    assert plan_for(tmp_path, keys=NO_KEYS).baseline is not None


SITE = SiteConfig.model_validate({"name": "wknd", "stage": "https://stage.example", "pages": ["/"]})


class Pinned:
    """A release that is tested now, compared with one that was approved."""

    def __init__(self, store: Path, now: str, before: str = "Gear", keys: Keys = READER) -> None:
        keep(store, "2000001", title=before, files={"sites/wknd/visual/home.png": b"a picture"})
        self.then = store / "wknd" / "execution-2000001" / "attempt-1"
        self.evidence = Evidence(store, "wknd", THIS, keys)
        self.plan = plan_for(store)
        self.attempt = self.evidence.begin_attempt(self.plan, candidate_of(THIS))
        recording_of(now).save(self.evidence.attempt_folder(self.attempt) / "sites" / "wknd" / "recording")
        self.check = SimpleNamespace(
            key="head_regression",
            kind="head_regression",
            site="wknd",
            target="stage",
            severity=Severity.BLOCK,
            settings_digest="settings of head_regression",
            check_type=HeadRegression,
            is_code_of_a_team=False,
            settings=HeadRegression.settings_type(),
            capped=False,
            reads_pages=True,
            create=lambda: HeadRegression(HeadRegression.settings_type()),
        )

    @property
    def configured(self) -> ConfiguredCheck:
        return self.check  # type: ignore[return-value]

    def run(self) -> CheckResult:
        """The check, as its task runs it."""
        site = SITE
        policy = SimpleNamespace(flakes=SimpleNamespace(reruns=0))
        gate = SimpleNamespace(site=lambda name: site, policy=policy)
        run = SimpleNamespace(evidence=self.evidence, gate=gate)
        keeper = Keeper({}, self.evidence, self.attempt)  # type: ignore[typeddict-item]
        return run_on_stage(run, self.configured, keeper)  # type: ignore[arg-type]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check of pages sends nothing; its client needs no site."""
    from contextlib import asynccontextmanager

    from aem_checks.client import Client

    @asynccontextmanager
    async def nobody(*_: object) -> Any:
        await asyncio.sleep(0)
        yield None

    monkeypatch.setattr(Client, "for_site", nobody)
    monkeypatch.setattr("stage_gate.observing.facts.facts_for", lambda *_: {})


def test_a_check_gets_recording_and_files_of_then(tmp_path: Path) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    before = baseline_for(pinned.evidence, pinned.attempt, pinned.configured)
    assert before is not None
    assert before.release == str(pinned.plan.baseline)
    assert before.read("visual/home.png") == b"a picture"
    assert before.read("visual/other.png") is None
    assert before.recording is not None
    assert before.recording.pages[0].final.body == recording_of("Gear").pages[0].final.body


def test_a_check_of_production_is_given_none_since_nothing_of_it_is_sealed(tmp_path: Path) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    pinned.check.target = "production"
    assert baseline_for(pinned.evidence, pinned.attempt, pinned.configured) is None


def test_a_site_that_is_new_has_nothing_to_compare_with(tmp_path: Path) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    pinned.check.site = "brand-new"
    assert baseline_for(pinned.evidence, pinned.attempt, pinned.configured) is None


@pytest.mark.parametrize(
    "name", ["../../attempt-1/plan.json", "../plan.json", "/etc/passwd", "visual/../visual/home.png", ""]
)
def test_nothing_outside_its_own_folder_can_be_read_through_it(tmp_path: Path, name: str) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    before = baseline_for(pinned.evidence, pinned.attempt, pinned.configured)
    assert before is not None
    assert before.read(name) is None


def test_what_was_there_then_and_is_gone_now_fails_and_what_stayed_passes(
    tmp_path: Path, offline: None
) -> None:
    same = Pinned(tmp_path / "same", now="Gear").run()
    assert same.outcome is Outcome.PASSED, same.sentences
    gone = Pinned(tmp_path / "gone", now="").run()
    assert gone.outcome is Outcome.FAILED
    changed = Pinned(tmp_path / "changed", now="Lost and found").run()
    assert any("was 'Gear' at the last verified release" in each for each in changed.sentences)


def forge_the_seal(pinned: Pinned) -> None:
    envelope = json.loads((pinned.then / MANIFEST).read_text())
    envelope["signed"]["outcome"] = "failed"
    (pinned.then / MANIFEST).write_text(json.dumps(envelope))


def seal_it_anew(pinned: Pinned) -> None:
    store = pinned.evidence.store
    shutil.rmtree(pinned.then)
    keep(store, "2000001", keys=STRANGER, decision=None, title="As they would like it")


def name_another_one(pinned: Pinned) -> None:
    store = pinned.evidence.store
    theirs = keep(store, "1999999", keys=STRANGER, decision=None, title="As they would like it")
    assert pinned.plan.baseline is not None
    other = pinned.plan.baseline.model_copy(
        update={"execution_id": "1999999", "seal_digest": theirs.digest, "attempt": 1}
    )
    changed = pinned.plan.model_copy(update={"baseline": other})
    (pinned.evidence.attempt_folder(pinned.attempt) / "plan.json").write_bytes(dump(changed))


def name_a_failed_one(pinned: Pinned) -> None:
    store = pinned.evidence.store
    failed = keep(store, "1999999", decision=None, results=(result("key_pages", Outcome.FAILED),))
    assert pinned.plan.baseline is not None
    other = pinned.plan.baseline.model_copy(update={"execution_id": "1999999", "seal_digest": failed.digest})
    changed = pinned.plan.model_copy(update={"baseline": other})
    (pinned.evidence.attempt_folder(pinned.attempt) / "plan.json").write_bytes(dump(changed))


def change_the_recording(pinned: Pinned) -> None:
    recording_of("As they would like it").save(pinned.then / "sites" / "wknd" / "recording")


def take_it_away(pinned: Pinned) -> None:
    shutil.rmtree(pinned.then)


@pytest.mark.parametrize(
    "tamper",
    [
        forge_the_seal,
        seal_it_anew,
        name_another_one,
        name_a_failed_one,
        change_the_recording,
        take_it_away,
    ],
    ids=lambda tamper: tamper.__name__,
)
def test_a_baseline_that_changes_after_it_was_pinned_lets_no_check_pass(
    tmp_path: Path, offline: None, tamper: Callable[[Pinned], None]
) -> None:
    pinned = Pinned(tmp_path, now="As they would like it")
    tamper(pinned)
    found = pinned.run()
    assert (found.outcome, found.cause, found.examined) == (Outcome.INCONCLUSIVE, Cause.CHECK, 0)
    assert "can't be verified any more" in found.sentences[0]
    [entry] = pinned.evidence.read_results(pinned.attempt)
    assert entry.result == found


def test_a_file_that_was_changed_is_refused_when_it_is_read_and_one_that_was_added_is_not_there(
    tmp_path: Path,
) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    visual = pinned.then / "sites" / "wknd" / "visual"
    (visual / "home.png").write_bytes(b"another picture")
    (visual / "more.png").write_bytes(b"one more")
    before = baseline_for(pinned.evidence, pinned.attempt, pinned.configured)
    assert before is not None
    with pytest.raises(EvidenceError, match="was changed after it was sealed"):
        before.read("visual/home.png")
    assert before.read("visual/more.png") is None


def test_the_folder_of_then_can_t_be_written_to(tmp_path: Path) -> None:
    pinned = Pinned(tmp_path, now="Gear")
    opened = open_baseline(pinned.evidence, pinned.plan)
    assert opened is not None
    before = opened.of_site("wknd")
    assert before is not None
    with pytest.raises(EvidenceError):
        (before.folder / "note.txt").write_bytes(b"x")
    assert [each.name for each in before.folder.iterdir()] == ["recording", "visual"]


def rejudged(pinned: Pinned, compared: bool = True) -> Rejudged:
    found = result("head_regression", severity=Severity.BLOCK)
    promised = plan(planned("head_regression"), baseline=pinned.plan.baseline)
    tested = candidate_of(THIS)
    folder = pinned.evidence.attempt_folder(pinned.attempt)
    (folder / "plan.json").write_bytes(dump(promised))
    entry = recorded(found, candidate_digest=tested.digest)
    pinned.evidence.write_result(pinned.attempt, entry)
    keep_told(Told(recording="recording"), folder / "sites" / "wknd", pinned.check.key)
    from stage_gate.rules.verdict import judge

    sealed = pinned.evidence.seal(pinned.attempt, judge, NOW)
    policy = SimpleNamespace(cloud_manager=None)
    gate = SimpleNamespace(stage_checks=(pinned.configured,), policy=policy, site=lambda name: SITE)
    opened = open_baseline(pinned.evidence, promised) if compared else None
    return Rejudged(gate, promised, sealed, folder, opened)  # type: ignore[arg-type]


def test_a_replay_compares_with_the_release_that_was_pinned_then(tmp_path: Path) -> None:
    judged = rejudged(Pinned(tmp_path, now="Lost and found"))
    [entry] = judged.entries
    assert any("was 'Gear' at the last verified release" in each for each in entry.result.sentences)


def test_a_replay_that_can_t_compare_keeps_what_was_found_then(tmp_path: Path) -> None:
    judged = rejudged(Pinned(tmp_path, now=""), compared=False)
    [entry] = judged.entries
    assert entry.result.findings == ()
    assert any("can't be verified; what was found then counts" in note for note in judged.notes)


def test_a_decision_names_its_seal_so_that_a_later_attempt_is_not_taken_for_it(tmp_path: Path) -> None:
    approved = keep(tmp_path, "2000001")
    keep(tmp_path, "2000001", decision=None)
    evidence = Evidence(tmp_path, "wknd", "2000001", KEYS)
    write_decision(evidence, DecisionRecord.model_validate(decided(approved, Decision.APPROVED)))
    pinned = plan_for(tmp_path).baseline
    assert pinned is not None
    assert (pinned.attempt, pinned.seal_digest) == (1, approved.digest)


def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """What ``verify`` says of one attempt."""
    assert KEYS.private is not None
    key = base64.b64encode(public_key(KEYS.private)).decode()
    capsys.readouterr()
    return main(["verify", str(folder), "--key", key]), capsys.readouterr().out


def compared(store: Path) -> Path:
    """Two releases, the second compared with the first; its attempt."""
    keep(store, "2000001")
    keep(store, "2000002", baseline=plan_for(store).baseline)
    return store / "wknd" / "execution-2000002" / "attempt-1"


def test_verify_names_what_was_compared_with_and_proves_it_where_it_lies_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt = compared(tmp_path)
    code, said = verified(attempt, capsys)
    assert code == 0, said
    assert "was compared with execution 2000001 of" in said
    assert "which lies beside it unchanged; signed" in said
    shutil.copytree(attempt, tmp_path / "alone" / "attempt-1")
    code, said = verified(tmp_path / "alone" / "attempt-1", capsys)
    assert code == 0, said
    assert "which is not in this bundle" in said


@pytest.mark.parametrize("how", ["changed", "another", "stranger"])
def test_verify_tells_where_what_was_compared_with_is_not_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    attempt = compared(tmp_path)
    then = tmp_path / "wknd" / "execution-2000001" / "attempt-1"
    if how == "changed":
        (then / "candidate.json").write_text("{}")
    else:
        shutil.rmtree(then)
        keep(tmp_path, "2000001", keys=KEYS if how == "another" else STRANGER, decision=None, title="Lost")
    code, said = verified(attempt, capsys)
    assert code == 1
    assert "was compared with execution 2000001" in said
    assert "NOT verified: 1 of" in said


def test_evidence_that_moved_to_another_store_is_a_baseline_there(tmp_path: Path) -> None:
    keep(tmp_path / "old", "2000001")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    pinned = plan_for(tmp_path / "new")
    assert pinned.baseline is not None
    opened = open_baseline(Evidence(tmp_path / "new", "wknd", THIS, READER), pinned)
    assert opened is not None
    assert opened.of_site("wknd") is not None


def test_a_plan_of_before_there_were_baselines_can_be_read(tmp_path: Path) -> None:
    old = json.loads(dump(plan(planned())))
    del old["baseline"], old["baseline_notes"]
    assert Plan.model_validate_json(json.dumps(old)).baseline is None
