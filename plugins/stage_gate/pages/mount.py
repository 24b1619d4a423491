"""Where are the evidence pages, and what does Airflow mount for them? Imported by every component, so FastAPI is not."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

log = logging.getLogger(__name__)

PREFIX = "/stage-gate/evidence"


def mounts() -> list[dict[str, Any]]:
    """What the plugin gives Airflow as ``fastapi_apps``; nothing, and a line in the log, where it can't. Never raises."""
    try:
        app = _app()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the API server has to start
        log.error("Reports and files of the evidence can't be opened in Airflow: %s", error)
        return []
    return [{"app": app, "url_prefix": PREFIX, "name": "Stage Gate: evidence"}]


def _app() -> Any:
    from airflow.api_fastapi.auth.tokens import get_signing_key

    from stage_gate.configuration.settings import evidence_store, evidence_url
    from stage_gate.pages.app import create_app
    from stage_gate.pages.tickets import Tickets

    return create_app(evidence_store, Tickets(get_signing_key("api", "secret_key")), evidence_url())


def report_address(dag_id: str, run_id: str) -> str:
    """Where the report of a run opens; empty where the deployment does not say Airflow's address."""
    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}{PREFIX}/run/{quote(dag_id, safe='')}/{quote(run_id, safe='')}" if base else ""
