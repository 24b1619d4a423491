"""May stage be tested once more, and on whose word? Pure rules; a re-test sends nothing and approves nothing."""

from __future__ import annotations

from datetime import datetime

from stage_gate.evidence.kept_decisions import RetestRecord, StoredAnswer
from stage_gate.evidence.seal import Sealed
from stage_gate.rules.decision import RETEST

THE_GATE = "Stage Gate"
"""Who wants a re-test where no person does."""
MOST_UNASKED = 5
"""The last attempt that old evidence alone gives a release: an age limit shorter than the tests would go on forever."""


class NoRetest(RuntimeError):
    """No attempt was begun, and the sentence says why."""


def retest_of(sealed: Sealed, answer: StoredAnswer | None, too_old: str, now: datetime) -> RetestRecord:
    """The record of a re-test that somebody has a reason for.

    ``answer`` is the newest answer; it counts only if it is about this seal. ``too_old`` is empty while the
    evidence is young enough. Raises ``NoRetest``.
    """
    asked = answer if answer and (answer.option, answer.seal_digest) == (RETEST, sealed.digest) else None
    if asked is not None and not (asked.by.strip() and asked.reason.strip()):
        raise NoRetest("The answer names no person or no reason, so no attempt was begun.")
    if asked is None and not too_old:
        raise NoRetest(
            f"Nobody has asked to test again after attempt {sealed.attempt} ({sealed.verdict.outcome}), and its "
            "evidence is young enough, so no attempt was begun."
        )
    if asked is None and sealed.attempt >= MOST_UNASKED:
        raise NoRetest(
            f"{too_old} Attempt {sealed.attempt} is the last for its age without a person's word, so no attempt was begun. "
            "Raise evidence_lives in the gate's policy, or clear settle_stage with its downstream tasks."
        )
    return record_of(sealed, asked.reason, now, by=asked.by) if asked else record_of(sealed, too_old, now)


def record_of(sealed: Sealed, reason: str, now: datetime, *, by: str = THE_GATE) -> RetestRecord:
    """The record of an attempt that does away with this seal."""
    return RetestRecord(
        attempt=sealed.attempt + 1,
        by=by,
        reason=reason,
        at=now,
        seal_digest=sealed.digest,
        outcome=sealed.verdict.outcome,
        summary=sealed.verdict.summary,
    )


def tell(record: RetestRecord) -> str:
    """The record as one sentence."""
    return (
        f"Attempt {record.attempt - 1} was {record.outcome} ({record.summary}) {record.by} wanted attempt "
        f"{record.attempt} at {record.at:%Y-%m-%d %H:%M:%S %Z}: {record.reason}"
    )
