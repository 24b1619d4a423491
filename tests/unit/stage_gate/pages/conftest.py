"""What tests of pages share: people who are logged in to Airflow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def users() -> Iterator[dict[str, str]]:
    """Tokens of Airflow's own auth manager: one who may read runs, and one with no role that it knows."""
    from airflow import settings
    from airflow.api_fastapi.app import init_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.base import Base
    from airflow.utils import db

    patch = pytest.MonkeyPatch()
    patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "for tests only " * 5)
    db.import_all_models()
    Base.metadata.create_all(settings.engine)
    manager = init_auth_manager()
    roles = {"viewer": "VIEWER", "nobody": None}
    yield {
        name: manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role))
        for name, role in roles.items()
    }
    patch.undo()
