"""How does a Dag file of a team's own build the Dag of a gate, with tasks of its own among the tests? ``gate_dag``."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup, get_parsing_context
from airflow.sdk.exceptions import AirflowTaskTimeout

from stage_gate.configuration.dag_files import MAKES_GATES, claims_in, claims_of, refusal
from stage_gate.configuration.gate_file import OutOfDate, gate_paths, load_gate, load_gate_for_run
from stage_gate.configuration.own_tests import refuse_wrong_own_tests
from stage_gate.configuration.settings import dags_folder, demands, gates_folder
from stage_gate.dag import open_gate_dag
from stage_gate.form import add_form
from stage_gate.garbage import no_garbage_collection
from stage_gate.invalid_dag import build_invalid_dag
from stage_gate.own_tests.declaring import GROUP, OpenGate, OwnTestError, declaring
from stage_gate.own_tests.drawing import draw_own_tests

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.tasks.pin import PinCandidate

log = logging.getLogger(__name__)

_TOOLTIP = "Airflow tasks of the team: tests, and what they need"


def gate_dag(name: str) -> GateDag:
    """The Dag of the gate ``<name>.yaml``, for a ``with`` block in which a team creates tasks of its own.

    Write the name as a plain string. The file takes the place of the Dag that would be built from that gate file; tasks
    that ``as_stage_test`` or ``stage_test`` declares are checks of the gate, any other is drawn and counts for nothing.
    What is raised inside of the block becomes the Dag ``stage_gate.<name>.invalid``, which says it.

    Raises ``OwnTestError`` where another place builds this gate too, and ``GateFileError`` for a wrong gate file.
    """
    return GateDag(name, sys._getframe(1).f_globals)


class GateDag:
    """The block of a gate in a Dag file."""

    def __init__(self, name: str, module: dict[str, Any]) -> None:
        """``module``: the names of the Dag file, in which Airflow looks for Dags."""
        self.name = name
        self._module = module
        self._block: ExitStack
        self._whole: ExitStack
        self._open: OpenGate

    def __enter__(self) -> DAG:
        file = self._gate_file()
        if _is_for_all():
            self._require_claimed()
        with ExitStack() as stack:
            stack.enter_context(no_garbage_collection())
            self._open = _open(file)
            self._block = stack.enter_context(ExitStack())
            self._block.enter_context(self._open.dag)
            self._block.enter_context(TaskGroup(GROUP, tooltip=_TOOLTIP))
            self._block.enter_context(declaring(self._open))
            self._whole = stack.pop_all()
        return self._open.dag

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with self._whole:
            self._open.dag.auto_register = False
            self._block.close()
            if error is None:
                error = self._finished()
        if error is None:
            return False
        if not isinstance(error, Exception | AirflowTaskTimeout | SystemExit):
            return False  # somebody ends the whole process
        log.error("The Dag of gate %s can't be built: %s", self.name, error, exc_info=error)
        self._replace(build_invalid_dag(self.name, self._told(error)))
        return True

    def _finished(self) -> BaseException | None:
        """Draw the tests; returns what is wrong with them."""
        opened = self._open
        try:
            refuse_wrong_own_tests(opened.gate, opened.gate_file, opened.tests.values(), demands().checks)
            draw_own_tests(opened)
            pin: PinCandidate = opened.dag.get_task("pin_candidate")  # type: ignore[assignment]
            pin.own_tests = tuple(opened.tests.values())
            add_form(opened.dag)
            if _is_for_all():
                opened.dag.doc_md = _docs(opened)
        except Exception as error:  # noqa: BLE001 - whatever it is, the gate's Dag is not built, and that is said
            return error
        self._replace(opened.dag)
        return None

    def _replace(self, dag: DAG) -> None:
        """Let Airflow find this Dag, and no half-built one, under whatever name the file has for it."""
        for name, value in list(self._module.items()):
            if value is self._open.dag:
                self._module[name] = dag
        dag.auto_register = True
        with dag:  # registers it, also where the file gives it no name
            pass

    def _told(self, error: BaseException) -> str:
        """What was raised, and in which line of the Dag file."""
        file, line = str(self._module.get("__file__", "")), 0
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals is self._module:
                line = trace.tb_lineno
            trace = trace.tb_next
        where = f"{file}:{line}: " if line else f"{file}: "
        said = str(error) if isinstance(error, OwnTestError) else f"{type(error).__name__}: {error}"
        return f"{where}{said}"

    def _gate_file(self) -> Path:
        paths = {path.stem: path for path in gate_paths(gates_folder())}
        if self.name not in paths:
            known = ", ".join(sorted(paths)) or "none"
            raise OwnTestError(
                f"{MAKES_GATES}({self.name!r}): there is no gate file {gates_folder() / self.name}.yaml; gates are: {known}"
            )
        return paths[self.name]

    def _require_claimed(self) -> None:
        """Raise ``OwnTestError`` unless this very file is the one that ``stage_gates.py`` leaves the gate to."""
        file = Path(str(self._module.get("__file__", ""))).resolve()
        claims = claims_of(self.name, claims_in(dags_folder()))
        if why := refusal(claims):
            raise OwnTestError(why)
        if not any(each.file.resolve() == file for each in claims):
            raise OwnTestError(
                f"{file} builds the Dag of gate {self.name}, and dags/stage_gates.py can't see that: let the file lie below "
                f'{dags_folder()}, and write {MAKES_GATES}("{self.name}") with the name as a plain string in it.'
            )


def _is_for_all() -> bool:
    """Whether the Dag processor reads the file, and not a task that needs its Dag."""
    return get_parsing_context().dag_id is None


def _open(file: Path) -> OpenGate:
    gate = _load(file)
    return OpenGate(gate, file, open_gate_dag(gate, file))


def _load(file: Path) -> Gate:
    """Also where time alone has made it wrong: ``stage_gates.py`` says that in a Dag of its own."""
    try:
        return load_gate(file)
    except OutOfDate as error:
        log.error("Gate file %s is out of date: %s", file, error)
        return load_gate_for_run(file)


def _docs(opened: OpenGate) -> str:
    from stage_gate.configuration.describe import describe
    from stage_gate.configuration.describe_own_tests import describe_own_tests

    told = describe(opened.gate, demands().checks)
    return f"{told}\n{describe_own_tests(opened.tests.values())}"
