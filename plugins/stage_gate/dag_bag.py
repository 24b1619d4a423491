"""Which Dags are there? All gates when the Dag processor asks, only the one that is needed when a task runs."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowTaskTimeout

from stage_gate.acting.runs import DAG_ID_PREFIX, TAGS
from stage_gate.configuration.gate_file import OutOfDate, gate_paths, load_gate, load_gate_for_run
from stage_gate.configuration.settings import demands, gates_folder
from stage_gate.dag import build_gate_dag
from stage_gate.tasks.red import SayWhatIsWrong

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate

log = logging.getLogger(__name__)

INVALID_SUFFIX = ".invalid"


def build_dags(wanted: str | None = None) -> dict[str, DAG]:
    """Dags by a name that is unique in the Dag file. Never raises: what is broken becomes a Dag that says so.

    ``wanted`` is the one Dag id that a running task needs, ``None`` when all are asked for. A task needs no Docs tab.
    """
    folder = gates_folder()
    dags: dict[str, DAG] = {}
    with _no_garbage_collection():
        for path in _paths(folder):
            if wanted in (None, f"{DAG_ID_PREFIX}{path.stem}", invalid_dag_id(path.stem)):
                dags.update(_gate_dags(path, with_docs=wanted is None))
        if wanted in (None, "stage_gate.start"):
            dags["start"] = _start_dag(folder)
    return dags


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Spare the collector walking Dags that all stay, again and again: a sixth of the time that many gates take."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _paths(folder: Path) -> list[Path]:
    try:
        return gate_paths(folder)
    except OSError as error:
        log.error("The folder of gate files %s can't be read: %s", folder, error)
        return []


def _gate_dags(path: Path, *, with_docs: bool) -> dict[str, DAG]:
    """The gate's Dag, or the one that says what is wrong; both where time alone has made the file wrong.

    A gate must not lose its Dag at midnight in the middle of a run.
    """
    name = f"gate_{path.stem}"
    try:
        return {name: _gate_dag(path, load_gate, with_docs=with_docs)}
    except OutOfDate as error:
        log.error("Gate file %s is out of date: %s", path, error)
        told = {f"out_of_date_{path.stem}": _invalid_dag(path.stem, str(error), still_guarded=True)}
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - an import error would stop every gate of this file, so none may leave it
        log.error("Gate file %s is not valid: %s", path, error)
        return {name: _invalid_dag(path.stem, str(error))}
    try:
        return told | {name: _gate_dag(path, load_gate_for_run, with_docs=with_docs)}
    except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - as above
        log.error("Gate file %s is not valid: %s", path, error)
        return {name: _invalid_dag(path.stem, str(error))}


def _gate_dag(path: Path, load: Callable[[Path], Gate], *, with_docs: bool) -> DAG:
    gate = load(path)
    return build_gate_dag(gate, path, _docs(gate) if with_docs else "")


def _docs(gate: Gate) -> str:
    from stage_gate.configuration.describe import describe

    return describe(gate, demands().checks)


def _start_dag(folder: Path) -> DAG:
    from stage_gate.starting import START_DAG_ID, build_start_dag

    try:
        return build_start_dag(folder)
    except Exception as error:  # noqa: BLE001 - as above
        return _invalid_dag(START_DAG_ID.removeprefix(DAG_ID_PREFIX), str(error))


def _invalid_dag(name: str, problem: str, *, still_guarded: bool = False) -> DAG:
    """A Dag whose only task fails with what is wrong, where, and what would be right."""
    problem = problem.encode("utf-8", "backslashreplace").decode()  # a file's name may be no UTF-8
    told = problem.replace("`", "'")
    effect = (
        "This gate still guards, and what is out of date in its file excuses nothing:"
        if still_guarded
        else "This gate guards nothing, because its file is not valid:"
    )
    dag = DAG(
        dag_id=invalid_dag_id(name),
        schedule=timedelta(days=1),
        catchup=False,
        tags=[*TAGS, "invalid"],
        doc_md=f"{effect}\n\n```\n{told}\n```\n",
        is_paused_upon_creation=False,
    )
    SayWhatIsWrong(task_id="gate_file_is_invalid", gate=dag.dag_id, problem=problem, dag=dag, retries=2)
    return dag


def invalid_dag_id(name: str) -> str:
    """The id of the Dag that says what is wrong with this file, whatever characters its name has."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name)[
        :200
    ]
    if safe != name:  # two names must not become one id
        safe += "-" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{DAG_ID_PREFIX}{safe}{INVALID_SUFFIX}"
