"""What do the tests of the webhook share? A database as Airflow's, Adobe's host of keys, and the app on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from adobe_cloud_manager.events import handshake
from adobe_cloud_manager.events import keys as key_ring
from stage_gate.webhook import reception
from stage_gate.webhook.app import create_app
from stage_gate.webhook.body import Reader
from stage_gate.webhook.reception import Reception
from stage_gate.webhook.writer import Writer
from unit.stage_gate.waiting import PATIENCE
from unit.stage_gate.webhook.adobe import HANGS, REGISTRATIONS, AdobesHost, adobes_host


@pytest.fixture(scope="session")
def tables() -> None:
    from airflow import settings
    from airflow.models.base import Base
    from airflow.utils import db

    db.import_all_models()
    Base.metadata.create_all(settings.engine)


@dataclass
class Stored:
    """What is in the database."""

    def events(self) -> list[dict[str, Any]]:
        """The extras of the asset events, oldest first."""
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session(scoped=False) as session:
            return list(session.scalars(select(AssetEvent.extra).order_by(AssetEvent.id)))

    def hint(self) -> str | None:
        from airflow.models.variable import Variable
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session(scoped=False) as session:
            found = session.scalar(select(Variable).where(Variable.key == "adobe_io_events_hint"))
            return None if found is None else str(found.val)

    def empty(self) -> None:
        """As a new Airflow, whose Dag processor has not read anything."""
        from airflow.models.asset import AssetActive, AssetEvent, AssetModel
        from airflow.models.variable import Variable
        from airflow.utils.session import create_session
        from sqlalchemy import delete

        with create_session(scoped=False) as session:
            for model in (AssetEvent, AssetActive, AssetModel, Variable):
                session.execute(delete(model))

    def deactivate_asset(self) -> None:
        """What the Dag processor does once no Dag speaks of it."""
        from airflow.models.asset import AssetActive
        from airflow.utils.session import create_session
        from sqlalchemy import delete

        with create_session(scoped=False) as session:
            session.execute(delete(AssetActive))

    def register_asset(self, name: str = "adobe_io_events", uri: str = "adobe_io_events") -> None:
        """What the Dag processor does once it has read ``stage_gate.start``."""
        from airflow.models.asset import AssetActive, AssetModel
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            asset = AssetModel(name=name, uri=uri, group="asset")
            session.add_all([asset, AssetActive.for_asset(asset)])

    def add_events(
        self,
        extras: Sequence[Any],
        *,
        ago: timedelta = timedelta(0),
        each: timedelta = timedelta(0),
        of: str = "adobe_io_events",
    ) -> None:
        """Events of an asset as anybody may make them by Airflow's API, each older than the one before."""
        from airflow.models.asset import AssetEvent, AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session(scoped=False) as session:
            asset_id = session.scalars(select(AssetModel.id).where(AssetModel.name == of)).one()
            newest = datetime.now(UTC) - ago
            session.add_all(
                AssetEvent(asset_id=asset_id, extra=extra, timestamp=newest - number * each)
                for number, extra in enumerate(extras)
            )


@pytest.fixture
def stored(tables: None) -> Stored:
    """An Airflow that knows the asset and has heard of nothing yet."""
    stored = Stored()
    stored.empty()
    stored.register_asset()
    return stored


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body may take a while, and Adobe's host longer to answer than it hangs in any test."""
    monkeypatch.setattr(reception, "Reader", partial(Reader, within=PATIENCE))
    for module in (key_ring, handshake):
        monkeypatch.setattr(module, "_WITHIN", 2 * HANGS)


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes in the reception, so that no rate lets more through while a test runs."""
    monkeypatch.setattr(reception, "time", SimpleNamespace(monotonic=lambda: 1000.0))


@pytest.fixture
def host() -> Iterator[AdobesHost]:
    """Adobe's host, one for each test: a key may still be fetched when the delivery that names it is answered."""
    with adobes_host() as host:
        yield host


AppOf = Callable[..., FastAPI]


@pytest.fixture
def app_of(stored: Stored, host: AdobesHost) -> AppOf:
    """Makes an app; its options are those of `Reception`, and `store`. It is in no hurry."""

    def make(**options: Any) -> FastAPI:
        from stage_gate.webhook.store import store

        writer = Writer(options.pop("store", store))
        options = {"per_second": 50, "within": PATIENCE, **options}
        return create_app(Reception(REGISTRATIONS, host.settings, writer, **options))

    return make


@pytest.fixture
def client(app_of: AppOf) -> Iterator[TestClient]:
    with TestClient(app_of()) as client:
        yield client
