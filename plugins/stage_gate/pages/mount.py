"""Where are Stage Gate's pages, and what does Airflow mount and show of them? Imported by every component, so FastAPI is not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from aem_checks.urls import parts_of
from stage_gate.acting.runs import airflow_address
from stage_gate.telling.addresses import EVIDENCE as PREFIX
from stage_gate.telling.addresses import PAGES

log = logging.getLogger(__name__)


def mounts() -> list[dict[str, Any]]:
    """What the plugin gives Airflow as ``fastapi_apps``; less, and a line in the log, where it can't. Never raises."""
    return [*_mount(_evidence, PREFIX, "evidence"), *_mount(_pages, PAGES, "pages")]


def _mount(make: Callable[[], Any], prefix: str, what: str) -> list[dict[str, Any]]:
    try:
        app = make()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the API server has to start
        log.error("Stage Gate's %s can't be opened in Airflow: %s", what, error)
        return []
    return [{"app": app, "url_prefix": prefix, "name": f"Stage Gate: {what}"}]


def _evidence() -> Any:
    from airflow.api_fastapi.auth.tokens import get_signing_key

    from stage_gate.configuration.settings import evidence_store, evidence_url, gates_folder, keys
    from stage_gate.pages.app import create_app
    from stage_gate.pages.tickets import Tickets

    tickets = Tickets(get_signing_key("api", "secret_key"))
    elsewhere = evidence_url()
    airflow = airflow_address() if elsewhere else _path()
    return create_app(
        evidence_store, tickets, elsewhere, keys=keys, airflow=airflow, gates_folder=gates_folder
    )


def _pages() -> Any:
    from stage_gate.configuration.settings import evidence_store, gates_folder, keys
    from stage_gate.pages.screens import Deployment, create_pages
    from stage_gate.pages.seen_by import gates_seen_by

    return create_pages(Deployment(evidence_store, keys, gates_seen_by, _path(), gates_folder))


def _path() -> str:
    """What Airflow's paths begin with on its own host: nothing, or such as ``/airflow``."""
    return parts_of(airflow_address()).path.rstrip("/")


def views() -> list[dict[str, Any]]:
    """What the plugin gives Airflow as ``external_views``: an entry of the menu, a tab of a Dag and one of a run.

    All in Airflow's frame: an entry of its menu that leads out of it is a button that does nothing (Airflow 3.3.2).
    """
    base = _path()
    return [
        {
            "name": "Releases",
            "href": f"{base}{PAGES}/releases?framed=1",
            "destination": "nav",
            "url_route": "stage-gate-releases",
            "nav_top_level": True,
            "icon": _icon("#3f3f46"),
            "icon_dark_mode": _icon("#d4d4d8"),
        },
        {
            "name": "Gate",
            "href": f"{base}{PAGES}/gate/{{DAG_ID}}?framed=1",
            "destination": "dag",
            "url_route": "stage-gate-gate",
        },
        {
            "name": "Release",
            "href": f"{base}{PREFIX}/run/{{DAG_ID}}/{{RUN_ID}}?framed=1",
            "destination": "dag_run",
            "url_route": "stage-gate-release",
        },
    ]


def _icon(colour: str) -> str:
    """A gate, as an address that holds the picture itself."""
    path = "M4 21V5M20 21V5M4 9h16M4 14h16M9 9v5M15 9v5M2 5h20"
    drawn = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke-width='2' "
        f"stroke='{colour}'><path d='{path}'/></svg>"
    )
    return f"data:image/svg+xml,{quote(drawn)}"


def report_address(dag_id: str, run_id: str) -> str:
    """Where the page of a run's release opens; empty where the deployment does not say Airflow's address."""
    base = airflow_address()
    return f"{base}{PREFIX}/run/{quote(dag_id, safe='')}/{quote(run_id, safe='')}" if base else ""
