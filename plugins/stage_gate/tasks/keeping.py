"""Has a try of this task kept its result in this attempt already? Then that stands, and nothing is measured again.

A task knows what is its own by a digest that Airflow keeps for it (``task_state_store``: it outlives tries, and being
cleared), not by a file that lies there: what somebody else put there in advance must keep no check from running. Where
Airflow has forgotten it, the check runs and keeps a second result, and then it has no answer.

A worker that stood still comes back when Airflow has begun another try in its place. That try measures for itself, so
what this one found is not kept beside it, unless it speaks against the release.
"""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError

from aem_checks.outcomes import Outcome
from stage_gate.evidence.files import dump, read, safe_name, written
from stage_gate.evidence.seal import PARTS
from stage_gate.evidence.store import RESULTS, TEST_AGAIN
from stage_gate.rules.own_tests import Part
from stage_gate.rules.plan import RecordedResult

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from aem_checks.outcomes import CheckResult
    from stage_gate.evidence.store import Evidence

log = logging.getLogger(__name__)


class GivenUpError(AirflowFailException):
    """Airflow no longer knows this try of the task: another one is in its place, or none."""


class Keeper:
    """What one task keeps in one attempt."""

    _kept_in: ClassVar[str] = RESULTS

    def __init__(self, context: Context, evidence: Evidence, attempt: int) -> None:
        self.evidence = evidence
        self.attempt = attempt
        self._store: Any = context.get("task_state_store")

    @cached_property
    def candidate_digest(self) -> str:
        """Of the candidate of the attempt, read once. Raises ``EvidenceError``."""
        return self.evidence.read_candidate(self.attempt).digest

    @cached_property
    def _before(self) -> frozenset[str]:
        """The names of the results that lay there when this task first asked. Raises ``EvidenceError``."""
        return frozenset(
            path.name for path in written(self.evidence.attempt_folder(self.attempt) / self._kept_in)
        )

    def standing(self, key: str) -> CheckResult | None:
        """The result that a try of this task kept for this check, ``None`` where none did. Raises ``EvidenceError``."""
        for content in map(read, self._files(key)):
            if self.owns(key, content):
                result = self._entry(content).result
                log.warning(
                    "%s has its result in attempt %d, of %s: %s. That stands, and nothing is measured again. %s",
                    key,
                    self.attempt,
                    f"{result.finished_at:%Y-%m-%d %H:%M:%S %Z}",
                    result.outcome,
                    TEST_AGAIN,
                )
                return result
        return None

    def keep(self, result: CheckResult, settings_digest: str) -> None:
        """Keep a result, bound to the candidate of the attempt and to the settings that were pinned, and remember it.

        Raises ``EvidenceError``, ``GivenUpError``.
        """
        entry = RecordedResult(
            candidate_digest=self.candidate_digest,
            attempt=self.attempt,
            settings_digest=settings_digest,
            result=result,
        )
        try:
            self.note(entry.result.key, self._content(entry))
        except GivenUpError:
            if entry.result.outcome is Outcome.PASSED:
                raise
        self._write(entry)

    def _files(self, key: str) -> list[Path]:
        name = self._name(key)
        if f"{safe_name(name)}.json" not in self._before:
            return []
        return self.evidence.kept(self.attempt, name, self._kept_in)

    def _name(self, key: str) -> str:
        return key

    def _content(self, entry: RecordedResult) -> bytes:
        return dump(entry)

    def _entry(self, content: bytes) -> RecordedResult:
        return RecordedResult.model_validate_json(content)

    def _write(self, entry: RecordedResult) -> None:
        self.evidence.write_result(self.attempt, entry)

    def owns(self, name: str, content: bytes) -> bool:
        """Whether a try of this task has written this, as far as Airflow says."""
        if self._store is None:
            return False
        try:
            return bool(self._store.get(self._key(name)) == _digest(content))
        except AirflowRuntimeError as error:
            log.warning("Airflow does not say what this task has kept, so it tests again: %s", error)
            return False

    def note(self, name: str, content: bytes) -> None:
        """Remember that this task writes this; an Airflow that does not answer stops nothing. Raises ``GivenUpError``."""
        if self._store is None:
            return
        try:
            self._store.set(self._key(name), _digest(content))
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
                raise GivenUpError(
                    f"{name} is not kept: Airflow took this try for dead, and the one that it began instead does it again."
                ) from error
            log.warning(
                "Airflow can't remember what this task keeps, so another try would test again: %s", error
            )

    def forget(self, name: str) -> None:
        """What was noted is over. Raises ``GivenUpError``, where another try has it now."""
        self.note(name, _OVER)

    def _key(self, name: str) -> str:
        return f"attempt-{self.attempt}-{name}"


class PartKeeper(Keeper):
    """What one part of a mapped test keeps: never the result of the whole."""

    _kept_in = PARTS

    def __init__(self, context: Context, evidence: Evidence, attempt: int, index: int, total: int) -> None:
        super().__init__(context, evidence, attempt)
        self.index, self.total = index, total

    def _name(self, key: str) -> str:
        return f"{key}.{self.index}"

    def _content(self, entry: RecordedResult) -> bytes:
        return dump(Part(index=self.index, total=self.total, entry=entry))

    def _entry(self, content: bytes) -> RecordedResult:
        return Part.model_validate_json(content).entry

    def _write(self, entry: RecordedResult) -> None:
        self.evidence.add(self.attempt, self._name(entry.result.key), self._content(entry), PARTS)


_OVER = b""
"""What no file of the evidence is."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
