"""Which Dags are there? All gates when the Dag processor asks, only the one that is needed when a task runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowTaskTimeout

from stage_gate.acting.runs import DAG_ID_PREFIX, INVALID_SUFFIX, START_DAG_ID
from stage_gate.configuration.dag_files import Claim, claims_in, claims_of, refusal
from stage_gate.configuration.gate_file import OutOfDate, gate_paths, load_gate, load_gate_for_run
from stage_gate.configuration.own_tests import refuse_wrong_own_tests
from stage_gate.configuration.settings import dags_folder, demands, gates_folder
from stage_gate.dag import build_gate_dag
from stage_gate.garbage import no_garbage_collection
from stage_gate.invalid_dag import build_invalid_dag, invalid_dag_id

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate

log = logging.getLogger(__name__)


def build_dags(wanted: str | None = None) -> dict[str, DAG]:
    """Dags by a name that is unique in the Dag file. Never raises: what is broken becomes a Dag that says so.

    ``wanted`` is the one Dag id that a running task needs, ``None`` when all are asked for. A task needs no Docs tab.
    """
    folder = gates_folder()
    dags: dict[str, DAG] = {}
    with no_garbage_collection():
        claims = _claims(wanted)
        for path in _paths(folder):
            if wanted not in (None, f"{DAG_ID_PREFIX}{path.stem}", invalid_dag_id(path.stem)):
                continue
            claimed = claims_of(path.stem, claims)
            dags.update(_claimed(path, claimed) if claimed else _gate_dags(path, with_docs=wanted is None))
        if wanted in (None, START_DAG_ID):
            dags["start"] = _start_dag(folder)
    return dags


def _paths(folder: Path) -> list[Path]:
    try:
        return gate_paths(folder)
    except OSError as error:
        log.error("The folder of gate files %s can't be read: %s", folder, error)
        return []


def _claims(wanted: str | None) -> list[Claim]:
    """The gates whose Dag another file builds; a task that needs one Dag of this file need not look for them."""
    if wanted is not None and not wanted.endswith(INVALID_SUFFIX):
        return []
    try:
        return claims_in(dags_folder())
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - as below
        log.error("Which Dag files build gates by themselves can't be found out: %s", error)
        return []


def _claimed(path: Path, claimed: list[Claim]) -> dict[str, DAG]:
    """Nothing where another file builds the gate's Dag; what is wrong with that file or the gate file, if so."""
    if why := refusal(claimed):
        log.error("Gate %s has no Dag: %s", path.stem, why)
        return {f"gate_{path.stem}": build_invalid_dag(path.stem, why)}
    try:
        load_gate(path)
    except OutOfDate as error:
        return {f"gate_{path.stem}": build_invalid_dag(path.stem, str(error), still_guarded=True)}
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - as below
        return _not_valid(path, error)
    return {}


def _gate_dags(path: Path, *, with_docs: bool) -> dict[str, DAG]:
    """The gate's Dag, or the one that says what is wrong; both where time alone has made the file wrong.

    A gate must not lose its Dag at midnight in the middle of a run.
    """
    name = f"gate_{path.stem}"
    try:
        return {name: _gate_dag(path, load_gate, with_docs=with_docs)}
    except OutOfDate as error:
        log.error("Gate file %s is out of date: %s", path, error)
        told = {f"out_of_date_{path.stem}": build_invalid_dag(path.stem, str(error), still_guarded=True)}
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - an import error would stop every gate of this file, so none may leave it
        return _not_valid(path, error)
    try:
        return told | {name: _gate_dag(path, load_gate_for_run, with_docs=with_docs)}
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - as above
        return _not_valid(path, error)


def _not_valid(path: Path, error: BaseException) -> dict[str, DAG]:
    log.error("Gate file %s is not valid: %s", path, error)
    return {f"gate_{path.stem}": build_invalid_dag(path.stem, str(error))}


def _gate_dag(path: Path, load: Callable[[Path], Gate], *, with_docs: bool) -> DAG:
    gate = load(path)
    refuse_wrong_own_tests(gate, path, (), demands().checks)
    return build_gate_dag(gate, path, _docs(gate) if with_docs else "")


def _docs(gate: Gate) -> str:
    from stage_gate.configuration.describe import describe

    return describe(gate, demands().checks)


def _start_dag(folder: Path) -> DAG:
    from stage_gate.starting import build_start_dag

    try:
        return build_start_dag(folder)
    except Exception as error:  # noqa: BLE001 - as above
        return build_invalid_dag(START_DAG_ID.removeprefix(DAG_ID_PREFIX), str(error))
