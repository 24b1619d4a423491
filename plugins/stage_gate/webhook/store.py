"""How does news get into Airflow's database? As one asset event and the hint that waits share, in one transaction.

By Airflow's own asset manager, as its route ``POST /api/v2/assets/events`` does: that route can't write the hint in the
same transaction, and would need a log-in of its own and a request of the API server to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.variable import Variable
from airflow.utils.session import create_session
from sqlalchemy import select, update

from adobe_cloud_manager.events.hint import EVENTS_ASSET, HINT_VARIABLE, merged
from adobe_cloud_manager.events.hint_store import DESCRIPTION
from stage_gate.acting.runs import START_DAG_ID
from stage_gate.webhook.writer import News, NotStored

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LOOK_BACK = timedelta(hours=24)
"""So long ago an event may have been stored, by this process or another, and is not stored again."""
MOST_LOOKED_AT = 300
"""Asset events that are searched for ids."""


def store(together: Sequence[News]) -> None:
    """Store what of it is not stored yet, all or nothing. Raises ``NotStored``, and what the database raises."""
    afterwards: list[Callable[[], None]] = []
    with create_session(scoped=False) as session:
        asset = _asset(session)
        now = datetime.now(UTC)
        hint = _locked_hint(session)
        known = _known_ids(session, asset.id, now)
        fresh = [news for news in together if not known.issuperset(news.event_ids)]
        if fresh:
            subjects = sorted({subject for news in fresh for subject in news.subjects})
            ids = sorted({each for news in fresh for each in news.event_ids} - known)
            told = {subject for news in fresh for subject in news.hints}
            hint.val = merged(hint.val, told, now)
            asset_manager.register_asset_change(
                asset=asset,
                extra={"subjects": subjects, "event_ids": ids},
                session=session,
                callback_sink=afterwards,
            )
    for tell in afterwards:  # listeners, once it is certain
        tell()


def _asset(session: Session) -> AssetModel:
    found: AssetModel | None = session.scalar(
        select(AssetModel).where(
            AssetModel.name == EVENTS_ASSET, AssetModel.uri == EVENTS_ASSET, AssetModel.active.has()
        )
    )
    if found is None:
        raise NotStored(
            f"Airflow does not know the asset {EVENTS_ASSET} yet, that is, has not read the Dag {START_DAG_ID}: "
            "look at the Dag processor and at import errors."
        )
    return found


def _locked_hint(session: Session) -> Variable:
    """The Variable, which no other process changes until the transaction ends; an update locks on any database."""
    its_key = Variable.key == HINT_VARIABLE
    if not session.execute(update(Variable).where(its_key).values(key=HINT_VARIABLE)).rowcount:  # type: ignore[attr-defined]
        session.add(Variable(HINT_VARIABLE, "{}", DESCRIPTION))  # type: ignore[no-untyped-call]
        session.flush()
    return session.scalars(select(Variable).where(its_key)).one()


def _known_ids(session: Session, asset_id: int, now: datetime) -> set[str]:
    extras = session.scalars(
        select(AssetEvent.extra)
        .where(AssetEvent.asset_id == asset_id, AssetEvent.timestamp > now - LOOK_BACK)
        .order_by(AssetEvent.timestamp.desc())
        .limit(MOST_LOOKED_AT)
    )
    lists = (extra.get("event_ids") for extra in extras if isinstance(extra, dict))
    return {each for ids in lists if isinstance(ids, list) for each in ids if isinstance(each, str)}
