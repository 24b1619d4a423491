"""With which release do checks compare this one? The last that was approved, reached production and can be verified.

``settle_stage`` finds it and pins it in the plan, which the seal covers. Whoever reads it later verifies it again:
the signature of its seal, that the digest of that is the pinned one, and every file at the moment it is read. So what
nobody signed is never compared with. A release that a person let through against its verdict is no baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.baseline import Baseline
from aem_checks.folders import Remembering
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.recording import Recording, RecordingError
from aem_checks.text import plain
from stage_gate.evidence.files import EvidenceError, SealedFolder
from stage_gate.evidence.kept_decisions import counts, read_decision
from stage_gate.evidence.seal import Manifest, Sealed, read_manifest
from stage_gate.evidence.signing import Keys, Signature
from stage_gate.evidence.store import Evidence, executions_of
from stage_gate.rules.decision import Decision
from stage_gate.rules.not_run import not_run
from stage_gate.rules.plan import PinnedBaseline, Plan

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck
    from stage_gate.rules.candidate import Candidate

MOST_LOOKED_AT = 50
"""Releases, newest first, among which a baseline is looked for."""
_LET_THROUGH = frozenset({Decision.APPROVED, Decision.OVERRIDDEN, Decision.BYPASSED})
NONE_YET = "no release, since none of this gate was approved and verified yet"
"""What stands for the name of the baseline where there is none."""

WasDeployed = Callable[[str], bool]
"""Whether Cloud Manager shows the production deployment of this execution as finished; what it raises speaks against
the release."""


class NoBaseline(Exception):
    """A release can't be the baseline; the message is a sentence. Empty for one that never was meant to be."""


def with_baseline(plan: Plan, candidate: Candidate, evidence: Evidence, was_deployed: WasDeployed) -> Plan:
    """The plan with the release to compare with, and with a sentence on each newer one that can't be it."""
    notes: list[str] = []
    known = _newest_first(evidence, candidate.execution_id)
    for execution in known[:MOST_LOOKED_AT]:
        other = Evidence(evidence.store, plan.gate, execution, evidence.keys)
        try:
            found = _fit(other, candidate, was_deployed)
        except NoBaseline as unfit:
            notes += [plain(str(unfit))] if str(unfit) else []
            continue
        return plan.model_copy(update={"baseline": found, "baseline_notes": tuple(notes)})
    if (
        len(known) > MOST_LOOKED_AT
    ):  # folders that anybody put there would otherwise hide the last release in silence
        notes.append(
            f"None of the newest {MOST_LOOKED_AT} executions in the evidence is compared with, and older ones are not "
            "looked at."
        )
    return plan.model_copy(update={"baseline": None, "baseline_notes": tuple(notes)})


def _newest_first(evidence: Evidence, but: str) -> list[str]:
    assert evidence.gate is not None, "a gate's own evidence has its name"
    known = [each for each in executions_of(evidence.store, evidence.gate) if each != but and each[0] != "0"]
    return known[::-1]


def _fit(other: Evidence, candidate: Candidate, was_deployed: WasDeployed) -> PinnedBaseline:
    """This release as the baseline. Raises ``NoBaseline``."""
    sealed = _approved(other)
    name = f"Execution {sealed.candidate.execution_id} is not compared with"
    theirs, ours = sealed.candidate, candidate
    if (theirs.program_id, theirs.pipeline_id) != (ours.program_id, ours.pipeline_id):
        raise NoBaseline(f"{name}: it is of another pipeline ({theirs.pipeline_id}).")
    try:
        deployed = was_deployed(theirs.execution_id)
    except Exception as error:
        raise NoBaseline(
            f"{name}: Cloud Manager does not say whether it reached production: {error}"
        ) from error
    if not deployed:
        raise NoBaseline(f"{name}: Cloud Manager does not show that its production deployment finished.")
    return PinnedBaseline(
        execution_id=theirs.execution_id,
        attempt=sealed.attempt,
        seal_digest=sealed.digest,
        sealed_at=sealed.sealed_at,
    )


def _approved(other: Evidence) -> Sealed:
    """The seal on which a release went to production, verified to its last file. Raises ``NoBaseline``."""
    name = f"Execution {other.execution_id} is not compared with"
    try:
        attempt = _attempt_let_through(other)
        sealed = other.load_seal(attempt)
    except (EvidenceError, OSError) as error:
        raise NoBaseline(f"{name}: {error}") from error
    if (sealed.manifest.gate, sealed.manifest.execution_id) != (other.gate, other.execution_id):
        raise NoBaseline(f"{name}: its seal is of another execution or gate.")
    if not _is_believed(sealed.signature, other.keys):
        raise NoBaseline(f"{name}: its seal is {sealed.signature}.")
    if sealed.verdict.outcome is not Outcome.PASSED:
        raise NoBaseline(f"{name}: its verdict was {sealed.verdict.outcome}.")
    return sealed


def _attempt_let_through(other: Evidence) -> int:
    """The attempt whose seal a release went to production on. Raises ``NoBaseline`` and ``EvidenceError``."""
    name = f"Execution {other.execution_id} is not compared with"
    record = read_decision(other)
    if record is None or record.decision not in _LET_THROUGH or not record.production_reached:
        raise NoBaseline
    if record.decision is Decision.OVERRIDDEN:
        raise NoBaseline(f"{name}: {record.by} let it through although its verdict was {record.outcome}.")
    if record.decision is Decision.APPROVED and not counts(other, record):
        raise NoBaseline(f"{name}: its approval is {record.signature}.")
    if record.decision is Decision.BYPASSED:
        attempt = other.latest_sealed()
        if not attempt:
            raise NoBaseline(f"{name}: it was decided in Cloud Manager and never tested to the end.")
        return attempt
    for attempt in range(other.attempts(), 0, -1):
        if other.is_sealed(attempt):
            digest, _, _ = read_manifest(other.attempt_folder(attempt), attempt, other.keys)
            if digest == record.seal_digest:
                return attempt
    raise NoBaseline(f"{name}: the seal that it was approved on is not there any more.")


def _is_believed(signature: Signature, keys: Keys) -> bool:
    """Only where no key is known at all, as in shadow mode, does an unsigned seal do."""
    return signature is Signature.TRUSTED or not keys.believed


@dataclass(frozen=True)
class OpenedBaseline:
    """The pinned release, its manifest verified; files are verified as they are read."""

    pinned: PinnedBaseline
    manifest: Manifest
    folder: Path

    def of_site(self, site: str) -> Baseline | None:
        """What it has of one site of stage; ``None`` where the site was not looked at then.

        Raises ``EvidenceError`` for a recording that was changed.
        """
        files = SealedFolder(self.folder, self.manifest.files) / "sites" / site
        if not files.exists():
            return None
        recorded = files / "recording"
        try:
            recording = Recording.load(Remembering(recorded)) if recorded.exists() else None
        except RecordingError as error:
            raise EvidenceError(f"The recording of {self.pinned} can't be read: {error}") from error
        return Baseline(release=str(self.pinned), folder=files, recording=recording)


def open_baseline(evidence: Evidence, plan: Plan) -> OpenedBaseline | None:
    """The release that this plan pins, verified again; ``None`` where it pins none.

    Raises ``EvidenceError`` where it is not the one that was pinned any more, or can't be believed here.
    """
    pinned = plan.baseline
    if pinned is None:
        return None
    other = Evidence(evidence.store, plan.gate, pinned.execution_id, evidence.keys)
    folder = other.attempt_folder(pinned.attempt)
    digest, manifest, signature = read_manifest(folder, pinned.attempt, evidence.keys)
    if digest != pinned.seal_digest:
        raise EvidenceError(f"The seal of {pinned} is another one now than the one that was pinned.")
    if (manifest.gate, manifest.execution_id) != (plan.gate, pinned.execution_id):
        raise EvidenceError(f"The seal of {pinned} is of another execution or gate.")
    if not _is_believed(signature, evidence.keys) or manifest.verdict.outcome is not Outcome.PASSED:
        raise EvidenceError(
            f"The seal of {pinned} is {signature} and its verdict {manifest.verdict.outcome}."
        )
    return OpenedBaseline(pinned, manifest, folder)


def baseline_for(evidence: Evidence, attempt: int, check: ConfiguredCheck) -> Baseline | None:
    """What a check of an attempt compares with: of stage only, since nothing else of a release is sealed.

    Raises ``EvidenceError`` as ``open_baseline`` and ``OpenedBaseline.of_site`` do.
    """
    if check.target != "stage":
        return None
    opened = open_baseline(evidence, evidence.read_plan(attempt))
    return opened.of_site(check.site) if opened else None


def not_compared(check: ConfiguredCheck, error: EvidenceError) -> CheckResult:
    """The result of a check whose baseline can't be believed any more: to judge without it could let it pass."""
    sentence = (
        f"{check.key} was not run: the release that was pinned for comparison can't be verified any more. {error} To do: "
        "find out who changed it, and clear settle_stage with its downstream tasks to pin another one."
    )
    return not_run(check, "unverified_baseline", "baseline", [sentence])
