"""What do others do while two tasks act: people, other pipelines, re-tests, whoever has the evidence under their hands?"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aem_checks.outcomes import Outcome
from faults.backstage import GUARDED, SIBLING
from faults.scene import KEYS, STRANGER, Scene
from faults.schedule import ChecksSaid, Happening
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import NO_KEYS, Keys
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import KEEP_WAITING, Decision
from stage_gate.rules.verdict import Verdict


def happen(scene: Scene, happening: Happening, who: int) -> None:
    """Let it happen; ``who`` is whose gate and evidence it meets. What can't happen now does not."""
    _HAPPENINGS[happening](scene, who)


def _person(verb: str) -> Callable[[Scene, int], None]:
    return lambda scene, who: scene.backstage.person(verb, scene.execution_id)


def _other_run(pipeline: str, release: str, trigger: str) -> Callable[[Scene, int], None]:
    def begin(scene: Scene, who: int) -> None:
        scene.backstage.begin(pipeline, release, trigger, beside=True)
        scene.rebuilt_needed |= trigger == "PUSH_UPGRADES" or pipeline == GUARDED
        scene.still_running |= release == "slow"
        _touch(scene)

    return begin


def _upkeep(
    what: str, *, brings_code: bool = False, goes_on: bool = False, **plan: object
) -> Callable[[Scene, int], None]:
    def begin(scene: Scene, who: int) -> None:
        scene.backstage.upkeep(what, **plan)
        scene.rebuilt_needed |= brings_code
        scene.still_running |= goes_on
        _touch(scene)

    return begin


def _touch(scene: Scene) -> None:
    for truth in scene.truths:
        for attempt in truth.attempts:
            attempt.touched = True


def _turn_right(scene: Scene, who: int) -> None:
    scene.unreadable = scene.backstage.turn_right("/contentFlows")


def _other_step(scene: Scene, who: int) -> None:
    scene.backstage.show_waiting(scene.execution_id, "codeQuality")


def _retest(tested: ChecksSaid | None) -> Callable[[Scene, int], None]:
    def begin(scene: Scene, who: int) -> None:
        with suppress(EvidenceError):  # what was damaged can't be tested again either
            scene.retest(who, tested)
            if tested is not None:
                scene.judge_and_seal(who)

    return begin


def _sealed_files(scene: Scene, who: int) -> list[Path]:
    """The results of the newest attempt, if they are sealed."""
    evidence = scene.evidence[who]
    attempt = evidence.latest_sealed()
    return sorted((evidence.attempt_folder(attempt) / "results").glob("*.json")) if attempt else []


def _change(scene: Scene, who: int) -> None:
    for file in _sealed_files(scene, who)[:1]:
        file.write_text(json.dumps(_turned(json.loads(file.read_text()))))
        scene.truths[who].newest.genuine = False


def _remove(scene: Scene, who: int) -> None:
    for file in _sealed_files(scene, who)[:1]:
        file.unlink()
        scene.truths[who].newest.genuine = False


def _remove_candidate(scene: Scene, who: int) -> None:
    """Nothing but a folder is left to say that there was a newer attempt than the one before."""
    evidence = scene.evidence[who]
    attempt = evidence.latest_sealed()
    if attempt:
        (evidence.attempt_folder(attempt) / "candidate.json").unlink(missing_ok=True)
        scene.truths[who].newest.genuine = False


def _remove_seal(scene: Scene, who: int) -> None:
    evidence = scene.evidence[who]
    attempt = evidence.latest_sealed()
    if attempt:
        (evidence.attempt_folder(attempt) / "manifest.json").unlink()
        scene.truths[who].newest.genuine = False


def _reseal(keys: Keys) -> Callable[[Scene, int], None]:
    def reseal(scene: Scene, who: int) -> None:
        """Turn every result to passed and seal that again; the true key is not at hand."""
        evidence = scene.evidence[who]
        attempt = evidence.latest_sealed()
        if not attempt:
            return
        for file in _sealed_files(scene, who):
            file.write_text(json.dumps(_turned(json.loads(file.read_text()))))
        (evidence.attempt_folder(attempt) / "manifest.json").unlink()
        forger = Evidence(scene.store, scene.gates[who].name, scene.execution_id, keys)
        scene.truths[who].newest.genuine = False
        with suppress(EvidenceError):
            forger.seal(attempt, lambda *_: Verdict(outcome=Outcome.PASSED, summary="Passed."))

    return reseal


def _turned(entry: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    entry["result"] |= {"outcome": "passed", "cause": None, "findings": [], "examined": 4}
    return entry


def _withdraw(scene: Scene, who: int) -> None:
    evidence = scene.evidence[who]
    attempt = evidence.latest_sealed()
    if attempt and scene.truths[who].answer is not None:
        scene.write_answer(who, KEEP_WAITING, scene.truths[who].answer[1], (), KEYS)
        scene.truths[who].answer = None


def _forge_answer(scene: Scene, who: int) -> None:
    decision = scene.schedule.sides[who].decision
    if not scene.evidence[who].latest_sealed():
        return
    try:
        scene.answer(who, decision, keys=STRANGER if decision is Decision.HALTED else NO_KEYS)
    except EvidenceError:
        return  # nothing that could be answered to


def _tear_claim(scene: Scene, who: int) -> None:
    if scene.claim_file.exists():
        scene.claim_file.write_text(scene.claim_file.read_text()[:40])


def _arrive(scene: Scene, who: int) -> None:
    while scene.under_way:
        scene.backstage.arrive(scene.execution_id, scene.under_way.pop())


_HAPPENINGS: dict[Happening, Callable[[Scene, int], None]] = {
    Happening.PERSON_APPROVES: _person("approve"),
    Happening.PERSON_REJECTS: _person("reject"),
    Happening.PERSON_CANCELS: _person("cancel"),
    Happening.SIBLING_DEPLOYS: _other_run(SIBLING, "good", "MANUAL"),
    Happening.SIBLING_RUNS: _other_run(SIBLING, "slow", "MANUAL"),
    Happening.AEM_UPDATE: _other_run(SIBLING, "good", "PUSH_UPGRADES"),
    Happening.NEWER_RELEASE: _other_run(GUARDED, "good", "MANUAL"),
    Happening.CONTENT_COPIED: _upkeep("content copy"),
    Happening.COPY_RUNS: _upkeep("content copy", goes_on=True, seconds=3600),
    Happening.RESTORED: _upkeep("restore", brings_code=True),
    Happening.VARIABLE_CHANGED: _upkeep("variable", variable={"name": "SIMULATED_NEW"}),
    Happening.NOT_READY: _upkeep("status", goes_on=True, ends_as="hibernated"),
    Happening.RIGHT_TURNED: _turn_right,
    Happening.OTHER_STEP_WAITS: _other_step,
    Happening.RETEST_BEGUN: _retest(None),
    Happening.RETEST_FAILED: _retest(ChecksSaid.FAILED),
    Happening.RETEST_PASSED: _retest(ChecksSaid.PASSED),
    Happening.EVIDENCE_CHANGED: _change,
    Happening.EVIDENCE_REMOVED: _remove,
    Happening.CANDIDATE_REMOVED: _remove_candidate,
    Happening.SEAL_REMOVED: _remove_seal,
    Happening.RESEALED_WITHOUT_KEY: _reseal(NO_KEYS),
    Happening.RESEALED_BY_STRANGER: _reseal(STRANGER),
    Happening.ANSWER_WITHDRAWN: _withdraw,
    Happening.ANSWER_FORGED: _forge_answer,
    Happening.CLAIM_BROKEN: _tear_claim,
    Happening.LATE_ARRIVES: _arrive,
}
