"""What does a task of a gate's run stand on? Its gate as pinned, its evidence, its execution, its connections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from aem_checks.config import ConfigError
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import gate_from_content, load_gate_for_run
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.pin import Pin, execution_id_of
from stage_gate.evidence.seal import require_trusted
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import Mode

if TYPE_CHECKING:
    from airflow.sdk import Context

    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.models import Execution
    from stage_gate.acting.act import Act
    from stage_gate.acting.right import Right
    from stage_gate.configuration.connection_use import SiteAccess
    from stage_gate.evidence.kept_decisions import StoredAnswer
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.candidate import Candidate
    from stage_gate.rules.decision import Timing


@dataclass(frozen=True)
class GateRun:
    """One run of a gate's Dag. The execution is taken from the run id alone."""

    gate_file: Path
    dag_id: str
    run_id: str
    execution_id: str
    evidence: Evidence

    @classmethod
    def of(cls, gate_file: str, context: Context) -> GateRun:
        """Raises ``AirflowSkipException`` in a run that names no execution: it only pointed at another run."""
        from stage_gate.configuration.settings import evidence_store, keys, limits
        from stage_gate.observing.shared_turns import share_limits

        run_id = str(context["run_id"])
        execution_id = execution_id_of(run_id)
        if execution_id is None:
            raise AirflowSkipException(
                f"Run {run_id} only pointed at the run of an execution; there is nothing to do here."
            )
        share_limits(limits())
        path = Path(gate_file)
        evidence = Evidence(evidence_store(), path.stem, execution_id, keys())
        return cls(path, str(context["dag"].dag_id), run_id, execution_id, evidence)

    @cached_property
    def pin(self) -> Pin:
        """What was pinned when the run began. Raises as ``gate`` does, ``AirflowSkipException`` where nothing was."""
        return self._pinned[0]

    @cached_property
    def gate(self) -> Gate:
        """The gate as it was pinned.

        Raises ``AirflowFailException`` when its digest is not the pinned one, when the pin is of another pipeline,
        or when it is not signed by a trusted key although this gate decides or keys are known here.
        """
        return self._pinned[1]

    @cached_property
    def _pinned(self) -> tuple[Pin, Gate]:
        pin = self.evidence.find_pin()
        if pin is None:
            raise AirflowSkipException("Nothing was pinned for this run, so there is nothing to do.")
        gate = gate_from_content(self.gate_file.stem, pin.gate_content, folder=self.gate_file.parent)
        pipeline = (gate.pipeline.program, gate.pipeline.pipeline)
        if gate.digest != pin.gate_digest or pipeline != (pin.program_id, pin.pipeline_id):
            raise AirflowFailException(
                f"The gate pinned for execution {self.execution_id} does not match its digest or its pipeline; trust "
                "nothing of this run."
            )
        if self._needs_signatures(gate) and not pin.is_trusted:
            raise AirflowFailException(
                f"The pin of execution {self.execution_id} is {pin.signature}, so nothing in it is believed. Either "
                "this worker does not know the public key: set [stage_gate] trusted_keys on every worker. Or somebody "
                f"else wrote {self.evidence.folder / 'pin.json'}: find out who, remove it, and clear pin_candidate "
                "with its downstream tasks."
            )
        return pin, gate

    def _needs_signatures(self, gate: Gate) -> bool:
        """Only shadow mode without any key does without."""
        return gate.mode is Mode.GUARD or bool(self.evidence.keys.believed)

    def load_seal(self, attempt: int) -> Sealed:
        """Read and verify a seal; in guard mode it has to be signed by a trusted key. Raises ``EvidenceError``."""
        sealed = self.evidence.load_seal(attempt)
        return require_trusted(sealed) if self.gate.mode is Mode.GUARD else sealed

    def newest_seal(self) -> Sealed | None:
        """The seal of the newest attempt, ``None`` where that is not sealed. Raises as ``load_seal`` does."""
        attempt = self.evidence.latest_sealed()
        return self.load_seal(attempt) if attempt else None

    def believed_seal(self) -> Sealed | None:
        """The same, ``None`` also where it can't be believed: nothing is decided on such a seal."""
        try:
            return self.newest_seal()
        except EvidenceError:
            return None

    def newest_answer(self) -> StoredAnswer | None:
        """The person's answer to the newest verdict, ``None`` where nobody gave one.

        Raises ``EvidenceError``, also for an answer that is not believed: nothing is done in that person's name.
        """
        from stage_gate.evidence.kept_decisions import counts, read_answer

        answer, sealed = read_answer(self.evidence), self.newest_seal()
        if answer is None or sealed is None or answer.seal_digest != sealed.digest:
            return None
        if not counts(self.evidence, answer):
            raise EvidenceError(
                f"answer.json, which says that {answer.by} answered {answer.option}, is {answer.signature}: find out who "
                "wrote it."
            )
        return answer

    @property
    def may_have_acted(self) -> bool:
        """A request about this candidate may have left, whoever sent it."""
        from stage_gate.evidence.claims import Rights

        pin = self.pin
        return Rights(self.evidence.store, pin.program_id, pin.pipeline_id, pin.execution_id).may_have_sent

    def load_gate_file(self) -> Gate:
        """The gate as its file says now; only pinning asks for that."""
        return load_gate_for_run(self.gate_file)

    def skip_unless_decidable(self) -> None:
        """Raise ``AirflowSkipException`` in a run that only reports, such as an AEM update's."""
        if self.pin.report_only:
            raise AirflowSkipException(f"Nothing to decide: {self.pin.report_only}")

    @cached_property
    def reading(self) -> CloudManagerHook:
        """The hook with the reading credential."""
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        return CloudManagerHook(self.gate.pipeline.connection)

    def read_execution(self) -> Execution:
        return self.reading.get_execution(self.pin.program_id, self.pin.pipeline_id, self.execution_id)

    def reached_production(self, execution_id: str) -> bool:
        """Whether Cloud Manager shows that an execution of this pipeline was deployed to production to its end."""
        execution = self.reading.get_execution(self.pin.program_id, self.pin.pipeline_id, execution_id)
        step = execution.production_deployment
        return step is not None and step.is_finished

    def read_candidate(self) -> Candidate:
        """What is released, and stage around it, as Cloud Manager says just now. Raises as ``observe.read_candidate``."""
        from stage_gate.observing.observe import read_candidate

        return read_candidate(self.reading, self.read_execution(), self.gate.pipeline.source_pipeline)

    @cached_property
    def site_access(self) -> SiteAccess:
        """Opens the sites of this gate. Raises ``ValueError`` for settings of the deployment that are none."""
        from stage_gate.configuration.connection_use import SiteAccess
        from stage_gate.configuration.reach import Reach

        return SiteAccess(Reach.of(self.gate_file.parent, self.gate.content))

    def act(self) -> Act:
        """The means to decide: the only place where the deciding credential is opened."""
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
        from stage_gate.acting.act import Act

        deciding = CloudManagerHook(self.gate.pipeline.deciding)
        return Act(right=self._right(), deciding=deciding, dag_id=self.dag_id, run_id=self.run_id)

    def _right(self) -> Right:
        from stage_gate.acting.right import Right
        from stage_gate.configuration.settings import demands, freezes

        return Right(
            gate=self.gate,
            gate_now=self.gate_now(),
            gates_folder=self.gate_file.parent,
            pin=self.pin,
            evidence=self.evidence,
            reading=self.reading,
            demands=demands(),
            freezes=freezes(),
        )

    def gate_now(self) -> Gate:
        """The gate as its file says now, which can only forbid: ``mode: shadow``, a freeze, or no file at all."""
        try:
            return self.load_gate_file()
        except (ConfigError, OSError) as error:
            raise AirflowFailException(
                f"Production is held: the gate file can't be read now. {error}"
            ) from error

    def timing(self, sealed: Sealed | None) -> Timing:
        """What calendar and clock say of an approval just now, and of the age of this seal."""
        from stage_gate.configuration.settings import freezes
        from stage_gate.configuration.timing import timing_at

        tested_at = sealed.plan.made_at if sealed else None
        gates = (self.gate, self.gate_now())
        return timing_at(datetime.now(UTC), gates, self.gate_file.parent, tested_at, freezes())
