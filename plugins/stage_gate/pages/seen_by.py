"""Which gates may somebody see? Airflow's own rights decide, for each Dag; the evidence alone names no gate to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from airflow.models import DagModel
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from stage_gate.acting.runs import DAG_ID_PREFIX, INVALID_SUFFIX, START_DAG_ID, TAGS, dag_id_of
from stage_gate.evidence.files import EvidenceError, listed
from stage_gate.telling.releases_page import Known

_NO_GATES = frozenset({"claims", "tickets", "starts"})
_BROKEN = "Its gate file is not valid: its pipeline is not guarded."
_OUT_OF_DATE = "Its gate file is out of date: it still guards, and what is out of date excuses nothing."


@dataclass(frozen=True)
class _Dag:
    """A Dag of ours, as Airflow's database has it."""

    id: str
    tags: tuple[str, ...]
    is_paused: bool


def gates_seen_by(user: Any, store: Path) -> list[Known]:
    """The gates whose runs this person may read, those too that have evidence and no Dag any more."""
    dags = {dag.id: dag for dag in _dags() if _may_read_runs(user, dag.id)}
    found = list(_known(dags))
    return [*found, *_gone(store, {each.gate for each in found}, lambda gate: _may_read_gone(user, gate))]


def _dags() -> list[_Dag]:
    """All of ours that are there now."""
    ours = (
        select(DagModel)
        .where(DagModel.dag_id.startswith(DAG_ID_PREFIX, autoescape=True), DagModel.is_stale.is_(False))
        .options(selectinload(DagModel.tags))
    )
    with create_session() as session:
        return [
            _Dag(each.dag_id, tuple(sorted(tag.name for tag in each.tags)), bool(each.is_paused))
            for each in session.scalars(ours)
            if each.dag_id != START_DAG_ID
        ]


def _known(dags: dict[str, _Dag]) -> Iterable[Known]:
    names = {each.removeprefix(DAG_ID_PREFIX).removesuffix(INVALID_SUFFIX) for each in dags}
    for name in sorted(names):
        dag, invalid = dags.get(dag_id_of(name)), dags.get(f"{dag_id_of(name)}{INVALID_SUFFIX}")
        shown = dag or invalid
        assert shown is not None, "the name is of one of the two"
        yield Known(
            gate=name,
            tags=tuple(tag for tag in shown.tags if tag not in TAGS),
            is_paused=bool(dag and dag.is_paused),
            guards=dag is not None,
            trouble="" if invalid is None else _OUT_OF_DATE if dag else _BROKEN,
            trouble_dag=invalid.id if invalid else "",
        )


def _gone(store: Path, known: set[str], may_read: Callable[[str], bool]) -> list[Known]:
    try:
        names = [path.name for path in listed(store)]
    except EvidenceError:
        return []  # each line says that the store is away
    left = (name for name in names if name not in known and name not in _NO_GATES)
    return [Known(name, is_gone=True) for name in left if not name.startswith(".") and may_read(name)]


def _may_read_runs(user: Any, dag_id: str) -> bool:
    team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team", fallback=False) else None
    details = DagDetails(id=dag_id, team_name=team)
    manager = get_auth_manager()
    return all(
        manager.is_authorized_dag(method="GET", access_entity=entity, details=details, user=user)
        for entity in (None, DagAccessEntity.RUN)
    )


def _may_read_gone(user: Any, gate: str) -> bool:
    """Where several teams share an Airflow, nobody can tell whose gate it was, so nobody sees it."""
    if conf.getboolean("core", "multi_team", fallback=False):
        return False
    return _may_read_runs(user, dag_id_of(gate))
