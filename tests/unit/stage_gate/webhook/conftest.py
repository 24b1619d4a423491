"""What do the tests of the webhook share? A database as Airflow's, Adobe's host of keys, and the app on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stage_gate.webhook.app import create_app
from stage_gate.webhook.reception import Reception
from stage_gate.webhook.writer import Writer
from unit.stage_gate.webhook.adobe import REGISTRATIONS, AdobesHost, adobes_host


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

    def register_asset(self) -> None:
        """What the Dag processor does once it has read ``stage_gate.start``."""
        from airflow.models.asset import AssetActive, AssetModel
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            asset = AssetModel(name="adobe_io_events", uri="adobe_io_events", group="asset")
            session.add_all([asset, AssetActive.for_asset(asset)])


@pytest.fixture
def stored(tables: None) -> Stored:
    """An Airflow that knows the asset and has heard of nothing yet."""
    stored = Stored()
    stored.empty()
    stored.register_asset()
    return stored


@pytest.fixture(scope="session")
def keys() -> Iterator[AdobesHost]:
    with adobes_host() as host:
        yield host


@pytest.fixture
def host(keys: AdobesHost) -> AdobesHost:
    """Adobe's host, which has not been asked for anything yet."""
    keys.asked.clear()
    keys.answers.set()
    return keys


AppOf = Callable[..., FastAPI]


@pytest.fixture
def app_of(stored: Stored, host: AdobesHost) -> AppOf:
    """Makes an app; its options are those of `Reception`, and `store`. It has time: the machine may be busy."""

    def make(**options: Any) -> FastAPI:
        from stage_gate.webhook.store import store

        writer = Writer(options.pop("store", store))
        options = {"per_second": 50, "within": 20.0, **options}
        return create_app(Reception(REGISTRATIONS, host.settings, writer, **options))

    return make


@pytest.fixture
def client(app_of: AppOf) -> Iterator[TestClient]:
    with TestClient(app_of()) as client:
        yield client
